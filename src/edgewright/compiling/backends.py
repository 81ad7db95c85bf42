"""The table of backends by framework, and the check that a job is one of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edgewright.compiling.onnx_runtime import OnnxRuntime
from edgewright.errors import TargetUnsupported, about

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.compiling.compiled import Built
    from edgewright.compiling.spec import CompilationSpec


class Backend(Protocol):
    """Compiles the models of one framework."""

    def check(self, spec: CompilationSpec) -> None:
        """Refuse what the job's members already show cannot be compiled; pure, and without heavy imports.

        Raises:
            TargetUnsupported: the target is none of this backend's.
            ValidationFault: a member is malformed, or cannot be honoured.
        """
        ...

    def build(self, spec: CompilationSpec, source: Path, artifact: Path) -> Built:
        """Compile the unpacked model in one folder into the files of another; runs in a process of its own.

        Raises:
            ModelRefused: the model cannot be compiled as asked.
        """
        ...


BACKENDS: dict[str, Backend] = {"ONNX": OnnxRuntime()}


def check(spec: CompilationSpec) -> None:
    """Refuse a job that no backend compiles. Pure and cheap: called when a job is created.

    Raises:
        TargetUnsupported: no backend compiles that framework, or for that target; names what is supported.
        ValidationFault: DataInputConfig, CompilerOptions or the choice of target is malformed.
    """
    with about("inputConfig.framework"):
        backend = backend_of(spec)
    backend.check(spec)


def backend_of(spec: CompilationSpec) -> Backend:
    """The backend for the job's framework.

    Raises:
        TargetUnsupported: there is none.
    """
    if spec.framework not in BACKENDS:
        raise TargetUnsupported(
            f"Framework {spec.framework} is not supported yet. Supported: {', '.join(BACKENDS)}. Convert the model, or "
            f"compile it elsewhere and bring the result in with `edgewright compilations register`."
        )
    return BACKENDS[spec.framework]
