"""What a compilation job asks for, and the name of what it makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.stores.uri import S3Uri

_ARCHIVE_SUFFIX = re.compile(r"(?:\.tar\.gz|\.tgz|\.[^./]*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CompilationSpec:
    """The members of InputConfig and OutputConfig that decide what is compiled, and for what.

    Attributes:
        framework: the service model's Framework, for example `ONNX`.
        framework_version: FrameworkVersion as given.
        data_input_config: DataInputConfig as given, a JSON text.
        target_device: TargetDevice, for example `rasp4b`.
        target_platform: TargetPlatform with the keys `Os`, `Arch` and perhaps `Accelerator`.
        compiler_options: CompilerOptions as given, a JSON text.
    """

    framework: str
    framework_version: str | None = None
    data_input_config: str | None = None
    target_device: str | None = None
    target_platform: Mapping[str, str] | None = None
    compiler_options: str | None = None

    @classmethod
    def of(cls, input_config: Mapping[str, Any], output_config: Mapping[str, Any]) -> Self:
        """The same from a request's InputConfig and OutputConfig."""
        return cls(
            framework=input_config["Framework"],
            framework_version=input_config.get("FrameworkVersion"),
            data_input_config=input_config.get("DataInputConfig"),
            target_device=output_config.get("TargetDevice"),
            target_platform=output_config.get("TargetPlatform"),
            compiler_options=output_config.get("CompilerOptions"),
        )

    @property
    def target(self) -> str:
        """The target as artifact names have it: the device, or `Os_Arch` with `_Accelerator` where there is one."""
        if self.target_device is not None:
            return self.target_device
        platform = self.target_platform or {}
        return "_".join(platform[part] for part in ("Os", "Arch", "Accelerator") if platform.get(part))


def artifact_name(input_uri: S3Uri, spec: CompilationSpec) -> str:
    """The name of the compiled object: `model.tar.gz` for `rasp4b` gives `model-rasp4b.tar.gz`."""
    name = input_uri.object_key.rpartition("/")[2]
    stem = _ARCHIVE_SUFFIX.sub("", name) or name  # a name that is all suffix, such as `.onnx`, stays whole
    return f"{stem}-{spec.target}.tar.gz"
