"""Compiles a model: a confined child process does the work, and is ended when the job is stopped or its time is up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO

from edgewright.compiling import leavings
from edgewright.compiling import sandbox as sandboxes
from edgewright.compiling.backends import check
from edgewright.compiling.compiled import Compiled
from edgewright.errors import CompilationTimedOut, CompilerFailed, JobStopped, ModelRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edgewright.compiling.sandbox import Sandbox
    from edgewright.compiling.spec import CompilationSpec
    from edgewright.limits import Limits

_LOOK_SECONDS = 0.2
_LOG_BYTES, _ANSWER_BYTES = 32 * 1024, 1024 * 1024
_CHILD = "edgewright.compiling.child"
_ANSWER, _ARTIFACT = "answer.json", "artifact.tar.gz"  # as the child has them
_SIGNALLED = 128  # bubblewrap ends with this and the number of the signal that ended the child


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    work: Path
    stderr: BinaryIO


def compile_model(  # noqa: PLR0913 - the last five say how to run it, not what to make
    spec: CompilationSpec,
    source: Path,
    output: Path,
    *,
    sandbox: Sandbox | None,
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
        sandbox: what the child runs in; None lets it run as any process of this user, under the limits alone.
        stopping: asked five times a second whether to stop.
        limits: what the input archive may hold, and how large the artifact may be.
        time_limit: seconds, or None for no limit.
        log: called with what the child process wrote to its log, however it ended.

    Raises:
        ModelRefused: the model cannot be compiled as asked, or not within the time. The message has the words
            after `ClientError: ` of a FailureReason; the caller puts that before it.
        JobStopped: `stopping()` turned true. Nothing is left.
        CompilerFailed: the child process crashed, or left what it must not.
        TargetUnsupported, ValidationFault: as `check`.
    """
    check(spec)
    with leavings.folder(output) as folder, source.open("rb", buffering=0) as archive:
        with _child(folder, archive, sandbox) as child:
            request = {
                "spec": _plain(spec),
                "archive": archive.fileno(),
                "limits": asdict(limits),
                "seconds": time_limit,
                "sandboxed": sandbox is not None,
                "user": str(sandbox.user if sandbox is not None else 0),
                "work": str(child.work),
            }
            try:
                _ask(child.process, request)
                _await(child.process, stopping, time_limit)
            finally:
                if log is not None:
                    log(_said(child))
            if child.process.returncode != 0:
                raise CompilerFailed(_how_it_ended(child))
        answer = leavings.parse_answer(leavings.read(child.work / _ANSWER, _ANSWER_BYTES))
        if isinstance(answer, str):
            raise ModelRefused(answer)
        size, digest = leavings.take(child.work / _ARTIFACT, folder / _ARTIFACT, limits.archive_size)
        (folder / _ARTIFACT).replace(output)
    inputs, outputs, toolchain = answer
    derived = json.dumps({each.name: each.shape for each in inputs})
    return Compiled(size, digest, inputs, outputs, toolchain, derived_data_input_config=derived)


def _plain(spec: CompilationSpec) -> dict[str, Any]:
    platform = dict(spec.target_platform) if spec.target_platform is not None else None
    return asdict(replace(spec, target_platform=platform))  # asdict cannot copy every kind of mapping


@contextmanager
def _child(folder: Path, archive: BinaryIO, sandbox: Sandbox | None) -> Iterator[_Child]:
    """The child in a folder of its own, which has no credentials in its environment and is never left running."""
    work = folder / "work"
    work.mkdir(0o700)
    # -P: nothing is imported from the working folder, into which the model is unpacked.
    command = [sys.executable, "-P", "-m", _CHILD]
    if sandbox is not None:
        sandbox.give(work)
        command = [*sandbox.command(work), *command]
    with (folder / "stderr").open("w+b") as stderr:  # read by this file, and never by its name
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command,
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            env=sandboxes.environment(work),
            pass_fds=(archive.fileno(),),
            start_new_session=True,  # a terminal's Ctrl-C is the parent's to handle
        )
        try:
            yield _Child(process, work, stderr)
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


def _said(child: _Child) -> str:
    """The end of what the child wrote to its standard error."""
    size = child.stderr.seek(0, os.SEEK_END)
    child.stderr.seek(max(0, size - _LOG_BYTES))
    text = child.stderr.read(_LOG_BYTES).decode(errors="replace").replace(str(child.work), "work")
    return leavings.printable(text, _LOG_BYTES).rstrip()


def _how_it_ended(child: _Child) -> str:
    code = child.process.returncode
    number = -code if code < 0 else code - _SIGNALLED
    if number in set(signal.Signals):
        hint = ", often because memory ran out" if number == signal.SIGKILL else ""
        return f"The compiler process was ended by {signal.Signals(number).name}{hint}. Start the job again."
    lines = _said(child).splitlines()
    return f"The compiler process failed with exit code {code}: {lines[-1][:300] if lines else 'it said nothing'}"
