"""Target devices and platforms: one table, and the rule that exactly one of the two is given.

Sources: the names are the service model's. The API reference's examples for TargetPlatform give Raspberry Pi 3 as
LINUX, ARM_EABIHF and Jetson TX2 and RK3399 as LINUX, ARM64; for the others the chip's core decides (a 64-bit core is
ARM64). A device is described by its CPU; `only` names what makes a device pointless without its accelerator, or its
format unreachable from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.errors import TargetUnsupported, ValidationFault

if TYPE_CHECKING:
    from edgewright.compiling.spec import CompilationSpec


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system (LINUX, ANDROID, WINDOWS) and a CPU architecture as TargetPlatform spells them."""

    os: str
    arch: str

    @property
    def is_arm(self) -> bool:
        """Whether the CPU is of the ARM family, 32 or 64 bits."""
        return self.arch.startswith("ARM")

    def __str__(self) -> str:
        return f"{self.os}_{self.arch}"


@dataclass(frozen=True, slots=True)
class Device:
    """A named target: its CPU's platform, and what a compiler for it would have to produce, if that is not CPU code."""

    platform: Platform
    only: str | None = None


_LINUX_X86_64, _LINUX_ARM64 = Platform("LINUX", "X86_64"), Platform("LINUX", "ARM64")
_LINUX_ARMV7 = Platform("LINUX", "ARM_EABIHF")

DEVICES = {
    # Cloud instances and functions.
    "lambda": Device(_LINUX_X86_64),
    "ml_m4": Device(_LINUX_X86_64),
    "ml_m5": Device(_LINUX_X86_64),
    "ml_m6g": Device(_LINUX_ARM64),  # Graviton2
    "ml_c4": Device(_LINUX_X86_64),
    "ml_c5": Device(_LINUX_X86_64),
    "ml_c6g": Device(_LINUX_ARM64),  # Graviton2
    "ml_p2": Device(_LINUX_X86_64, only="an NVIDIA GPU"),
    "ml_p3": Device(_LINUX_X86_64, only="an NVIDIA GPU"),
    "ml_g4dn": Device(_LINUX_X86_64, only="an NVIDIA GPU"),
    "ml_inf1": Device(_LINUX_X86_64, only="AWS Inferentia"),
    "ml_inf2": Device(_LINUX_X86_64, only="AWS Inferentia"),
    "ml_trn1": Device(_LINUX_X86_64, only="AWS Trainium"),
    "ml_eia2": Device(_LINUX_X86_64, only="Amazon Elastic Inference"),
    # Boards. Those of the Jetson family are compiled for their ARM CPU.
    "jetson_tx1": Device(_LINUX_ARM64),
    "jetson_tx2": Device(_LINUX_ARM64),
    "jetson_nano": Device(_LINUX_ARM64),
    "jetson_xavier": Device(_LINUX_ARM64),
    "rasp3b": Device(_LINUX_ARMV7),
    "rasp4b": Device(_LINUX_ARM64),  # Cortex-A72
    "imx8qm": Device(_LINUX_ARM64),
    "imx8mplus": Device(_LINUX_ARM64),
    "deeplens": Device(_LINUX_X86_64),  # Intel Atom
    "rk3399": Device(_LINUX_ARM64),
    "rk3288": Device(_LINUX_ARMV7),  # Cortex-A17
    "aisage": Device(_LINUX_ARM64),
    "sbe_c": Device(_LINUX_X86_64),  # Snowball Edge
    "qcs605": Device(Platform("ANDROID", "ARM64")),
    "qcs603": Device(Platform("ANDROID", "ARM64")),
    "sitara_am57x": Device(_LINUX_ARMV7),  # Cortex-A15
    "jacinto_tda4vm": Device(_LINUX_ARM64),  # Cortex-A72
    "amba_cv2": Device(_LINUX_ARM64, only="Ambarella CVflow"),
    "amba_cv22": Device(_LINUX_ARM64, only="Ambarella CVflow"),
    "amba_cv25": Device(_LINUX_ARM64, only="Ambarella CVflow"),
    # Personal computers and phones.
    "x86_win32": Device(Platform("WINDOWS", "X86")),
    "x86_win64": Device(Platform("WINDOWS", "X86_64")),
    "coreml": Device(Platform("IOS", "ARM64"), only="Apple's Core ML"),
}


def platform_of(spec: CompilationSpec, supported: frozenset[Platform], by: str) -> Platform:
    """The platform that a job is to be compiled for.

    Args:
        spec: the job.
        supported: the platforms that the backend compiles for.
        by: the backend's name, for the message.

    Raises:
        ValidationFault: TargetDevice and TargetPlatform are both given, or neither is.
        TargetUnsupported: the target is not one that the backend compiles for; the message names those that are.
    """
    if (spec.target_device is None) == (spec.target_platform is None):
        found = "neither" if spec.target_device is None else "both"
        raise ValidationFault(
            f"Exactly one of TargetDevice and TargetPlatform is needed in OutputConfig, and {found} was found."
        )
    platform, only = _wanted(spec)
    if only is None and platform in supported:
        return platform
    reason = f"needs code for {only}" if only else "is not a platform that it compiles for"
    devices = sorted(name for name, device in DEVICES.items() if device.only is None and device.platform in supported)
    platforms = sorted(f"{known.os} {known.arch}" for known in supported if known.os in {"LINUX", "ANDROID"})
    raise TargetUnsupported(
        f"{by} cannot compile for {spec.target}: it {reason}. Supported are, as TargetDevice: {', '.join(devices)}; as "
        f"TargetPlatform, without an Accelerator: {', '.join(platforms)}."
    )


def _wanted(spec: CompilationSpec) -> tuple[Platform | None, str | None]:
    if spec.target_device is not None:
        device = DEVICES.get(spec.target_device)
        return (device.platform, device.only) if device else (None, None)
    given = spec.target_platform or {}
    accelerator = given.get("Accelerator")
    only = f"the accelerator {accelerator}" if accelerator else None
    return Platform(given.get("Os", ""), given.get("Arch", "")), only
