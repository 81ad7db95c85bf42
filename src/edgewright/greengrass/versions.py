"""Component versions: semantic versions, with the bounds that Greengrass sets."""

from __future__ import annotations

import re
from typing import Final

LARGEST: Final = 999_999
"""The largest number that Greengrass takes as major, minor or patch."""
MOST_CHARACTERS: Final = 64

_NUMBER = "0|[1-9][0-9]*"
_PART = "(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION: Final = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<prerelease>{_PART}(?:\.{_PART})*))?"
    r"(?:\+(?P<build>[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)

FORM: Final = f"three numbers of at most {LARGEST:,} joined by dots, such as 1.0.0, in {MOST_CHARACTERS} characters"


def fault(version: str) -> str | None:
    """What is wrong with a component version, as the end of a sentence about it; None when nothing is.

    Semantic versioning 2.0.0 as published, and the bounds of Greengrass beside it.
    """
    if len(version) > MOST_CHARACTERS:
        return f"has {len(version)} characters, and {MOST_CHARACTERS} are allowed"
    match = _VERSION.fullmatch(version)
    if match is None:
        return f"is not a semantic version: wanted {FORM}"
    for part in ("major", "minor", "patch"):
        if int(match[part]) > LARGEST:
            return f"has {match[part]} as its {part} number, and {LARGEST:,} is the largest"
    return None


def is_prerelease(version: str) -> bool:
    """Whether a version has a pre-release part, such as the `-rc.1` of `1.0.0-rc.1`."""
    match = _VERSION.fullmatch(version)
    return match is not None and match["prerelease"] is not None


def order_key(version: str) -> str:
    """A text that sorts, byte by byte, as semantic versioning orders the versions.

    Versions that differ in their build part only, which semantic versioning leaves unordered, are ordered by it.

    Raises:
        ValueError: `fault` finds something wrong with the version.
    """
    match = _VERSION.fullmatch(version)
    if match is None or fault(version):
        raise ValueError(f"{version!r} is not a component version.")
    numbers = "".join(f"{int(match[part]):06}" for part in ("major", "minor", "patch"))
    # A release is higher than its pre-releases, and "~" than "-"; "!" is lower than whatever a part may hold.
    before = match["prerelease"]
    stage = "~" if before is None else "-" + "".join(f"{_part_key(part)}!" for part in before.split("."))
    return f"{numbers}{stage}" + (f"+{match['build']}" if match["build"] else "")


def _part_key(part: str) -> str:
    """Numbers are lower than names, and ordered by size: by their length first."""
    return f"0{len(part):02}{part}" if part.isdigit() else f"1{part}"
