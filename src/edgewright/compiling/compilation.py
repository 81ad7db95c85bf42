"""Compiles a model: a child process does the work, and is ended when the job is stopped or its time is up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING, Any

from edgewright.compiling.backends import check
from edgewright.compiling.compiled import Compiled, Tensor
from edgewright.errors import CompilationTimedOut, CompilerFailed, JobStopped, ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgewright.compiling.spec import CompilationSpec
    from edgewright.limits import Limits

_LOOK_SECONDS = 0.2
_LOG_BYTES = 32 * 1024
_CHILD = "edgewright.compiling.child"
_ANSWER, _ARTIFACT, _OUT_OF_MEMORY = "answer.json", "artifact.tar.gz", 4  # as the child has them
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "TMPDIR")


def compile_model(  # noqa: PLR0913 - the last four say how to run it, not what to make
    spec: CompilationSpec,
    source: Path,
    output: Path,
    *,
    stopping: Callable[[], bool],
    limits: Limits,
    time_limit: float | None,
    log: Callable[[str], None] | None = None,
) -> Compiled:
    """Compile the model in one tar.gz into another.

    Args:
        spec: what is asked for; checked again here.
        source: the input tar.gz on disk.
        output: where the artifact is put, whole or not at all; a temporary folder is made beside it.
        stopping: asked five times a second whether to stop.
        limits: what the input archive may hold.
        time_limit: seconds, or None for no limit.
        log: called with what the child process wrote to its log, however it ended.

    Raises:
        ModelRefused: the model cannot be compiled as asked, or not within the time. The message has the words
            after `ClientError: ` of a FailureReason; the caller puts that before it.
        JobStopped: `stopping()` turned true. Nothing is left.
        CompilerFailed: the child process crashed, or ran out of memory.
        TargetUnsupported, ValidationFault: as `check`.
    """
    check(spec)
    with TemporaryDirectory(prefix="compiling-", dir=output.parent) as folder:
        work = Path(folder).resolve()
        with _child(work) as process:
            request = {"spec": _plain(spec), "source": str(source.resolve()), "limits": asdict(limits)}
            try:
                _ask(process, request | {"work": str(work)})
                _await(process, stopping, time_limit)
            finally:
                if log is not None:
                    log(_said(work))
        compiled = _answer(work, process.returncode)
        (work / _ARTIFACT).replace(output)
    return compiled


def _plain(spec: CompilationSpec) -> dict[str, Any]:
    platform = dict(spec.target_platform) if spec.target_platform is not None else None
    return asdict(replace(spec, target_platform=platform))  # asdict cannot copy every kind of mapping


@contextmanager
def _child(work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The child, which has no credentials in its environment and is never left running."""
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    with (work / "stderr").open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            # -P: nothing is imported from the working folder, into which the model is unpacked.
            [sys.executable, "-P", "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=work,
            env=environment | {"OMP_NUM_THREADS": "1"},
            start_new_session=True,  # a terminal's Ctrl-C is the parent's to handle
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    if process.stdin is None:  # asked for above
        raise CompilerFailed("The compiler process has no standard input.")
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return  # it has ended already: its exit code has the reason


def _await(process: subprocess.Popen[bytes], stopping: Callable[[], bool], time_limit: float | None) -> None:
    until = None if time_limit is None else monotonic() + time_limit
    while True:
        try:
            process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if stopping():
                raise JobStopped("The compilation was stopped.") from None
            if until is not None and monotonic() > until:
                raise CompilationTimedOut(
                    f"CompilationTimeOut: The model was not compiled within MaxRuntimeInSeconds: {time_limit:g}."
                ) from None
        else:
            return


def _answer(work: Path, code: int) -> Compiled:
    path = work / _ANSWER
    if code != 0 or not path.exists():
        raise CompilerFailed(_how_it_ended(work, code))
    answer = json.loads(path.read_text())
    if "refused" in answer:
        raise ModelRefused(answer["refused"])
    return _compiled(answer["compiled"])


def _said(work: Path) -> str:
    """The end of what the child wrote to its standard error."""
    with (work / "stderr").open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LOG_BYTES))
        return file.read().decode(errors="replace").replace(str(work), "work").rstrip()


def _how_it_ended(work: Path, code: int) -> str:
    if code == _OUT_OF_MEMORY:
        return "The compiler ran out of memory: give the worker more, or compile a smaller model."
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", often because memory ran out" if code == -signal.SIGKILL else ""
        return f"The compiler process was ended by {name}{hint}. Start the job again."
    lines = (work / "stderr").read_text(errors="replace").strip().splitlines()
    return f"The compiler process failed with exit code {code}: {lines[-1][:300] if lines else 'it said nothing'}"


def _compiled(answer: dict[str, Any]) -> Compiled:
    inputs, outputs = (
        tuple(Tensor(each["name"], tuple(each["shape"]), each["type"]) for each in answer[side])
        for side in ("inputs", "outputs")
    )
    return Compiled(
        size=answer["size"],
        sha256=answer["sha256"],
        inputs=inputs,
        outputs=outputs,
        toolchain=answer["toolchain"],
        derived_data_input_config=json.dumps({each.name: each.shape for each in inputs}),
    )
