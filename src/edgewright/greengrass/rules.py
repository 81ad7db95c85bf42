"""The validator of recipes: what real cores and AWS's cloud were seen to accept, a message for each rule.

It reads every recipe that is made here, and those that users hand in. The keys of a recipe are case-sensitive on
Greengrass nucleus lite ("lite") and not on the nucleus in Java ("classic"): where only the one refuses something, it is
a warning.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from edgewright.arns import name_fault
from edgewright.errors import UriRefused
from edgewright.greengrass import versions
from edgewright.greengrass.config import description_fault, shown
from edgewright.greengrass.reading import RECIPE_BYTES, value_of
from edgewright.greengrass.recipe import FORMAT_VERSION, dump
from edgewright.stores import S3Uri

LITE_BYTES: Final = 8 * 1024
SHA256_BYTES: Final = 32


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """AWS's cloud or every core refuses the recipe."""
    WARNING = "warning"
    """Some cores refuse it, or do something else than it seems to say."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a recipe breaks.

    Attributes:
        rule: its name, such as `run`.
        severity: how much it weighs.
        message: where it was found, what was found and what is wanted.
    """

    rule: str
    severity: Severity
    message: str


Found = Iterator[Finding]
Check = Callable[[Mapping[str, Any]], Found]

_TOP: Final = (
    "RecipeFormatVersion",
    "ComponentName",
    "ComponentVersion",
    "ComponentDescription",
    "ComponentPublisher",
    "ComponentType",
    "ComponentSource",
    "ComponentConfiguration",
    "ComponentDependencies",
    "Manifests",
    "Lifecycle",
)
_MANIFEST: Final = ("Name", "Platform", "Lifecycle", "Selections", "Artifacts")
_ARTIFACT: Final = ("Uri", "Unarchive", "Permission", "Digest", "Algorithm")
_STEPS: Final = ("install", "run", "startup", "shutdown", "recover", "bootstrap", "Setenv")
_STEP: Final = ("Script", "Timeout", "RequiresPrivilege", "Setenv", "SkipIf", "BootstrapOnRollback")
_ARCHITECTURES: Final = ("aarch64", "amd64", "arm", "x86", "*")
_PERMISSIONS: Final = {"Read": ("NONE", "OWNER", "ALL"), "Execute": ("NONE", "OWNER", "ALL")}

_BRACES: Final = re.compile(r"\{[^}]*\}?")
_VARIABLE: Final = re.compile(
    r"\{(?:work:path|artifacts:(?:path|decompressedPath)|kernel:rootPath|iot:thingName|configuration:[^:}]+)\}"
)
_KEY: Final = re.compile(r"[A-Za-z0-9/!_.*'()=,@:;$&~-]+")


def check_recipe(recipe: Mapping[str, Any]) -> list[Finding]:
    """Everything that is wrong with a recipe, in the order of its parts; nothing for one that every core takes."""
    findings = [finding for check in _CHECKS for finding in check(recipe)]
    for path, manifest in _manifests(recipe):
        findings += _manifest(path, manifest)
    return findings


def artifacts(recipe: Mapping[str, Any]) -> list[str]:
    """The URIs of a recipe's artifacts, each once, in their order."""
    found = [
        uri
        for _, manifest in _manifests(recipe)
        for artifact in _list(value_of(manifest, "Artifacts"))
        if isinstance(artifact, Mapping) and isinstance(uri := value_of(artifact, "Uri"), str)
    ]
    return list(dict.fromkeys(found))


def platforms(recipe: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The platforms of a recipe, as DescribeComponent shows them: a name, and the attributes that are texts."""
    found = []
    for _, manifest in _manifests(recipe):
        platform = value_of(manifest, "Platform")
        attributes = platform.items() if isinstance(platform, Mapping) else ()
        texts = {key: value for key, value in attributes if isinstance(value, str) and value}
        name = value_of(manifest, "Name") or "-".join(texts[key] for key in ("os", "architecture") if key in texts)
        found.append({"attributes": texts} | ({"name": name} if isinstance(name, str) and name else {}))
    return found


def key_fault(uri: S3Uri) -> str | None:
    """What keeps a core from fetching an object's key, as the end of a sentence about it; None when nothing does."""
    if not uri.key or uri.key.endswith("/"):
        return "names no object"
    foreign = sorted(set(_KEY.sub("", uri.key)))
    if foreign:
        return f"has {shown(''.join(foreign[:5]))}, which cores do not escape when they fetch it"
    return None


def bucket_fault(uri: S3Uri) -> str | None:
    """What keeps a core from fetching from a bucket, as the end of a sentence about it; None when nothing does."""
    return "has a dot, and lite makes a host name of it that no certificate is for" if "." in uri.bucket else None


def _error(rule: str, message: str) -> Finding:
    return Finding(rule, Severity.ERROR, message)


def _warning(rule: str, message: str) -> Finding:
    return Finding(rule, Severity.WARNING, message)


def _found(value: object) -> str:
    """A value for a message."""
    return "nothing" if value is None else shown(value if isinstance(value, str) else str(value))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _manifests(recipe: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, manifest in enumerate(_list(value_of(recipe, "Manifests"))):
        if isinstance(manifest, Mapping):
            yield f"Manifests[{number}]", manifest


def _letter_case(path: str, mapping: Mapping[str, Any], names: tuple[str, ...]) -> Found:
    known = {name.lower(): name for name in names}
    for key in mapping:
        written = known.get(key.lower())
        if written is not None and key != written:
            yield _warning("letter-case", f"{path} has the key {shown(key)}: write {written}, or lite passes it over.")


def _format_version(recipe: Mapping[str, Any]) -> Found:
    value = value_of(recipe, "RecipeFormatVersion")
    if value != FORMAT_VERSION:
        yield _error("format-version", f"RecipeFormatVersion is {_found(value)}: wanted the string {FORMAT_VERSION}.")


def _name(recipe: Mapping[str, Any]) -> Found:
    value = value_of(recipe, "ComponentName")
    fault = name_fault(value) if isinstance(value, str) else "is wanted as a string"
    if fault:
        yield _error("name", f"ComponentName {_found(value)} {fault}.")


def _version(recipe: Mapping[str, Any]) -> Found:
    value = value_of(recipe, "ComponentVersion")
    fault = versions.fault(value) if isinstance(value, str) else "is wanted as a string"
    if fault:
        yield _error("version", f"ComponentVersion {_found(value)} {fault}.")
    elif versions.is_prerelease(value):
        yield _warning(
            "pre-release",
            f"ComponentVersion {_found(value)} is a pre-release: it can be deployed from the cloud, and lite does not "
            "find it in a local folder.",
        )


def _description(recipe: Mapping[str, Any]) -> Found:
    value = value_of(recipe, "ComponentDescription")
    if value is None:
        yield _warning(
            "description",
            "The recipe has no ComponentDescription: on lite 2.6 the component runs on when the nucleus is stopped.",
        )
        return
    fault = description_fault(value) if isinstance(value, str) else "is wanted as a string"
    if fault:
        yield _warning("description", f"ComponentDescription {_found(value)} {fault}.")


def _keys(recipe: Mapping[str, Any]) -> Found:
    known = {name.lower() for name in _TOP}
    for key in recipe:
        if key.lower() not in known:
            yield _error(
                "unknown-key",
                f"The recipe has the key {shown(key)}, which Greengrass does not know. Data of your own goes under "
                "ComponentConfiguration.DefaultConfiguration.",
            )
    yield from _letter_case("The recipe", recipe, _TOP)


def _manifest_list(recipe: Mapping[str, Any]) -> Found:
    value = value_of(recipe, "Manifests")
    if not _list(value) or not all(isinstance(manifest, Mapping) for manifest in _list(value)):
        yield _error("manifests", f"Manifests is {_found(value)}: wanted a list of at least one mapping.")


def _size(recipe: Mapping[str, Any]) -> Found:
    size = len(dump(recipe))
    if size > RECIPE_BYTES:
        yield _error("size", f"The recipe has {size} bytes, and {RECIPE_BYTES} are allowed.")
    elif size > LITE_BYTES:
        yield _warning("size", f"The recipe has {size} bytes, and lite takes {LITE_BYTES}.")


_CHECKS: Final[tuple[Check, ...]] = (
    _format_version,
    _name,
    _version,
    _description,
    _keys,
    _manifest_list,
    _size,
)


def _manifest(path: str, manifest: Mapping[str, Any]) -> Found:
    yield from _letter_case(path, manifest, _MANIFEST)
    yield from _platform(path, value_of(manifest, "Platform"))
    yield from _lifecycle(path, manifest)
    value = value_of(manifest, "Artifacts")
    if value is not None and not isinstance(value, list):
        yield _error("artifact", f"{path}.Artifacts is {_found(value)}: wanted a list.")
    for number, artifact in enumerate(_list(value)):
        yield from _artifact(f"{path}.Artifacts[{number}]", artifact)


def _platform(path: str, platform: object) -> Found:
    if not isinstance(platform, Mapping):
        yield _warning("platform", f"{path} has no Platform, and lite refuses the recipe. Give one, with * for all.")
        return
    yield from _letter_case(f"{path}.Platform", platform, ("os", "architecture", "runtime"))
    runtime, architecture = value_of(platform, "runtime"), value_of(platform, "architecture")
    if runtime not in ("*", "aws_nucleus_lite"):
        yield _warning("runtime", f"{path}.Platform.runtime is {_found(runtime)}: lite skips the manifest. Wanted *.")
    if architecture is not None and architecture not in _ARCHITECTURES:
        yield _warning(
            "architecture",
            f"{path}.Platform.architecture is {_found(architecture)}, which lite never matches: wanted "
            f"{', '.join(_ARCHITECTURES[:-1])} or *.",
        )


def _lifecycle(path: str, manifest: Mapping[str, Any]) -> Found:
    lifecycle = value_of(manifest, "Lifecycle")
    if lifecycle is None and value_of(manifest, "Selections") is not None:
        return  # the recipe's own Lifecycle holds its steps
    path = f"{path}.Lifecycle"
    if lifecycle is not None and not isinstance(lifecycle, Mapping):
        yield _error("lifecycle", f"{path} is {_found(lifecycle)}: wanted a mapping of steps.")
        return
    steps = lifecycle or {}
    yield from _letter_case(path, steps, _STEPS)
    if value_of(steps, "run") is None:
        yield _warning(
            "run", f"{path} has no run step, and lite fails the deployment. Let one end in 'sleep infinity'."
        )
    for name, step in steps.items():
        if name.lower() != "setenv":
            yield from _step(f"{path}.{name}", step)


def _step(path: str, step: object) -> Found:
    script = step
    if isinstance(step, Mapping):
        yield from _letter_case(path, step, _STEP)
        script = value_of(step, "Script")
    if not isinstance(script, str):
        yield _error("lifecycle", f"{path} has no script: wanted a string, or a mapping with a string as its Script.")
        return
    for braces in _BRACES.findall(script):
        if not _VARIABLE.fullmatch(braces):
            yield _warning(
                "variable",
                f"{path} has {shown(braces)}, where lite ends the script and says nothing. Another component's files "
                "are in {kernel:rootPath}/work/<component>.",
            )


def _artifact(path: str, artifact: object) -> Found:
    uri = value_of(artifact, "Uri") if isinstance(artifact, Mapping) else None
    if not isinstance(artifact, Mapping) or not isinstance(uri, str):
        yield _error("artifact", f"{path} has no Uri: wanted a mapping with a string as its Uri.")
        return
    yield from _letter_case(path, artifact, _ARTIFACT)
    yield from _uri(f"{path}.Uri", uri)
    unarchive = value_of(artifact, "Unarchive")
    if unarchive not in (None, "NONE", "ZIP"):
        yield _error("unarchive", f"{path}.Unarchive is {_found(unarchive)}: wanted NONE or ZIP.")
    yield from _permission(f"{path}.Permission", value_of(artifact, "Permission"))
    yield from _digest(path, artifact)


def _uri(path: str, text: str) -> Found:
    try:
        uri = S3Uri.parse(text)
    except UriRefused as error:
        yield _error("scheme", f"{path} {shown(text)} cannot be used: {error.message}")
        return
    if not text.startswith("s3://"):
        yield _error("scheme", f"{path} {shown(text)} cannot be used: wanted s3://bucket/key.")
    fault = key_fault(uri)
    if fault:
        yield _error("key", f"{path} {shown(text)} {fault}.")
    fault = bucket_fault(uri)
    if fault:
        yield _warning("bucket", f"{path}: the bucket {uri.bucket} {fault}.")


def _permission(path: str, permission: object) -> Found:
    if not isinstance(permission, Mapping):
        yield _warning(
            "permission",
            f"{path} is {_found(permission)}: give Read and Execute, whose defaults differ between cores.",
        )
        return
    yield from _letter_case(path, permission, tuple(_PERMISSIONS))
    for name, values in _PERMISSIONS.items():
        value = value_of(permission, name)
        if value is None:
            yield _warning("permission", f"{path} has no {name}, whose default differs between cores.")
        elif value not in values:
            yield _error("permission", f"{path}.{name} is {_found(value)}: wanted {', '.join(values)}.")


def _digest(path: str, artifact: Mapping[str, Any]) -> Found:
    digest, algorithm = value_of(artifact, "Digest"), value_of(artifact, "Algorithm")
    if digest is None and algorithm is None:
        return  # AWS's cloud computes its own
    if algorithm != "SHA-256":
        yield _warning("digest", f"{path}.Algorithm is {_found(algorithm)}: wanted SHA-256.")
    if not isinstance(digest, str) or len(_decoded(digest)) != SHA256_BYTES:
        yield _warning(
            "digest", f"{path}.Digest is {_found(digest)}: wanted the base64 of a raw SHA-256, 44 characters long."
        )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
