"""PresetDeploymentConfig: the wishes that a packaging job has for its component, checked and completed.

The keys and values are those of the API reference of EdgeOutputConfig; older documents spell the platforms otherwise,
and every spelling is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewright import strict_json
from edgewright.arns import name_fault
from edgewright.errors import ValidationFault
from edgewright.greengrass import versions

MEMBER: Final = "outputConfig.presetDeploymentConfig"
DEFAULT_NAME: Final = "SagemakerEdgeManager"
DEFAULT_VERSION: Final = "1.0.0"
DESCRIPTION_BYTES: Final = 1500
"""So much fits into the largest recipe that Greengrass nucleus lite takes, whatever else is as long as it may be."""
MOST_NAMED: Final = 5
"""Unknown keys that a message names."""

_KEYS: Final = ("ComponentName", "ComponentDescription", "ComponentVersion", "PlatformOS", "PlatformArchitecture")
_OS: Final = {"linux": "linux", "windows": "windows"}
_ARCHITECTURES: Final[Mapping[str, Mapping[str, str]]] = {
    "linux": {"x8664": "amd64", "amd64": "amd64", "armv8": "aarch64", "arm64": "aarch64", "aarch64": "aarch64"},
    "windows": {"windows32x86": "x86", "x86": "x86", "windows64x64": "amd64", "x64": "amd64"},
}
_SPELLINGS: Final = {"linux": "x86_64 and ARMV8", "windows": "Windows32_x86 and Windows64_x64"}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """The component that is to be made of a package.

    Attributes:
        name: 1 to 128 letters, digits, hyphens, underscores and dots.
        version: a semantic version within the bounds of Greengrass.
        description: one line, or None.
        os: `linux` or `windows`; None is every one. Where it is None, so is the architecture.
        architecture: `amd64`, `aarch64` or `x86`; None is every one.
    """

    name: str
    version: str
    description: str | None = None
    os: str | None = None
    architecture: str | None = None


def parse_config(text: str | None, job_name: str) -> ComponentPlan:
    """What a PresetDeploymentConfig asks for.

    Args:
        text: the JSON object as the caller gave it; None asks for nothing in particular.
        job_name: the packaging job's: a component without a name of its own is named for it.

    Raises:
        ValidationFault: all that is wrong with it, each fault with the key that it is about.
    """
    config = {} if text is None else _object(text)
    faults = list(_faults(config))
    if faults:
        about_version = (
            versions.fault(config["ComponentVersion"]) if isinstance(config.get("ComponentVersion"), str) else None
        )
        refused = ValidationFault(f"The value at '{MEMBER}' cannot be used: {' '.join(faults)}")
        refused.field = f"{MEMBER}.componentVersion" if about_version and len(faults) == 1 else MEMBER
        raise refused
    os, architecture = _platform(config)
    return ComponentPlan(
        name=config.get("ComponentName", f"{DEFAULT_NAME}{job_name}"),
        version=config.get("ComponentVersion", DEFAULT_VERSION),
        description=config.get("ComponentDescription"),
        os=os,
        architecture=architecture,
    )


def description_fault(text: str) -> str | None:
    """What is wrong with a description, as the end of a sentence about it; None when nothing is.

    Greengrass nucleus lite copies it into a systemd unit as it stands, where a second line would be an order.
    """
    if _CONTROL.search(text):
        return "holds a control character or a line break: one line of text is wanted"
    if text.endswith("\\"):
        return "ends in a backslash, which would join it with the next line of a core's service file"
    if not text.strip():
        return "is empty: give a text, or leave it out"
    size = len(text.encode())
    return f"has {size} bytes of UTF-8, and {DESCRIPTION_BYTES} are allowed" if size > DESCRIPTION_BYTES else None


def _object(text: str) -> dict[str, Any]:
    try:
        value = strict_json.parse(text)
    except ValueError as error:
        raise ValidationFault(
            f"The value at '{MEMBER}' is not JSON: {error}. Wanted a JSON object with some of the keys "
            f"{', '.join(_KEYS)}."
        ) from None
    if not isinstance(value, dict):
        raise ValidationFault(
            f"The value at '{MEMBER}' is a JSON {_kind(value)}, and a JSON object is wanted, with some of the keys "
            f"{', '.join(_KEYS)}."
        )
    return value


def _faults(config: Mapping[str, Any]) -> Iterator[str]:
    unknown = [key for key in config if key not in _KEYS]
    if unknown:
        named = ", ".join(map(shown, unknown[:MOST_NAMED]))
        yield f"{named} {'is no key' if len(unknown) == 1 else 'are no keys'} of it: wanted some of {', '.join(_KEYS)}."
    texts = {key: config[key] for key in _KEYS if isinstance(config.get(key), str)}
    for key in _KEYS:
        if key in config and key not in texts:
            yield f"{key} is a JSON {_kind(config[key])}, and a string is wanted."
    for key, fault_of in (
        ("ComponentName", name_fault),
        ("ComponentDescription", description_fault),
        ("ComponentVersion", versions.fault),
    ):
        fault = fault_of(texts[key]) if key in texts else None
        if fault:
            yield f"{key} {shown(texts[key])} {fault}."
    yield from _platform_faults(config, texts)


def _platform_faults(config: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[str]:
    given, wanted = "PlatformOS", "PlatformArchitecture"
    for key, other in ((given, wanted), (wanted, given)):
        if key in config and other not in config:
            yield f"{key} was given without {other}. Give both, or neither for every platform."
    if given not in texts:
        return
    os = _OS.get(_plain(texts[given]))
    if os is None:
        yield f"{given} {shown(texts[given])} is not supported: wanted Linux or Windows."
    elif wanted in texts and _architecture(os, texts[wanted]) is None:
        yield (
            f"{wanted} {shown(texts[wanted])} is not supported for {given} {texts[given]}: those of it are "
            f"{_SPELLINGS[os]}."
        )


def _platform(config: Mapping[str, str]) -> tuple[str | None, str | None]:
    if "PlatformOS" not in config:
        return None, None
    os = _OS[_plain(config["PlatformOS"])]
    return os, _architecture(os, config["PlatformArchitecture"])


def _architecture(os: str, text: str) -> str | None:
    """The architecture in Greengrass's words; `Linux x86_64` and `linux-armv8` name their system once more."""
    spelled = _plain(text)
    known = _ARCHITECTURES[os]
    return known.get(spelled) or known.get(spelled.removeprefix(os))


def _plain(text: str) -> str:
    """Letters and digits only, in lower case: all that differs between spellings is beside them."""
    return re.sub(r"[ _.-]", "", text).lower()


def _kind(value: object) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "list", dict: "object"}
    return names.get(type(value), "null")


def shown(text: str) -> str:
    """A text for a message: as JSON writes it, and not too long."""
    most = 140
    whole = text if len(text) <= most else f"{text[:most]}..."
    return f"'{json.dumps(whole, ensure_ascii=bool(_CONTROL.search(whole)))[1:-1]}'"
