"""Compiling: a framework's model in a tar.gz becomes an artifact for a target device."""

from edgewright.compiling.backends import check
from edgewright.compiling.compilation import compile_model
from edgewright.compiling.compiled import METADATA_MEMBER, Compiled, Tensor
from edgewright.compiling.spec import CompilationSpec, artifact_name

__all__ = [
    "METADATA_MEMBER",
    "CompilationSpec",
    "Compiled",
    "Tensor",
    "artifact_name",
    "check",
    "compile_model",
]
