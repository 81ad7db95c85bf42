"""Forms that make jobs: their fields, the request that a filled form stands for, and each fault beside its field. Pure.

What a form refuses is what the API refuses, in the API's words: the service model's constraints, then the operation's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgewright import protocol
from edgewright.compiling.backends import BACKENDS
from edgewright.errors import CallerError, ResourceInUse

Filled = Mapping[str, str]
Errors = dict[str, list[str]]

WHOLE = ""
"""The key of errors that are about no one field."""
_INDEX = re.compile(r"\.\d+\.member.*")


def _add(errors: Errors, name: str, message: str) -> None:
    errors.setdefault(name, []).append(message)


def _text(text: str, _errors: Errors) -> str:
    return text


def _tags(text: str, errors: Errors) -> list[dict[str, str]]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        key, separator, value = line.partition("=")
        if not separator:
            _add(errors, "tags", f"'{line}' has no '='. Write one tag a line, as key=value.")
        found.append({"Key": key.strip(), "Value": value.strip()})
    return found


def _seconds(text: str, errors: Errors) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    if text:
        _add(errors, "seconds", f"'{text}' is not a whole number of seconds.")
    return None


def _component(request: dict[str, Any], errors: Errors) -> None:
    """Write what is wished for the component as the JSON text that the API takes."""
    output = request["OutputConfig"]
    wishes = output.pop("PresetDeploymentConfig")
    if "PresetDeploymentType" not in output:
        for name, member in (("component", "ComponentName"), ("component_version", "ComponentVersion")):
            if member in wishes:
                _add(errors, name, "This needs a component: choose one above, or leave this empty.")
    elif wishes:
        output["PresetDeploymentConfig"] = json.dumps(wishes)


def _path(member: str) -> list[str]:
    """The members of a request that lead to one."""
    return [f"{name[:1].upper()}{name[1:]}" for name in member.split(".")]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Attributes:
        name: in the form.
        label: over it.
        member: the member of the request that it fills, in the words of AWS's sentences.
        hint: what may stand there.
        kind: `text`, `area`, or `choice` with `choices`.
        choices: values and their labels.
        required: as the service model has it.
        section: the heading that it is the first under; empty where it goes on.
        suggest: whether names of completed compilation jobs are offered.
        read: the member's value of what is filled in; adds to the errors what cannot be one.
    """

    name: str
    label: str
    member: str
    hint: str = ""
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    section: str = ""
    suggest: bool = False
    read: Callable[[str, Errors], Any] = _text


@dataclass(frozen=True, slots=True)
class Form:
    """One form.

    Attributes:
        operation: what it calls.
        fields: in their order.
        defaults: what fields hold at first.
        finish: what is left to do to a request once each field has filled its member.
    """

    operation: str
    title: str
    fields: Sequence[Field]
    defaults: Mapping[str, str] = field(default_factory=dict)
    finish: Callable[[dict[str, Any], Errors], None] = lambda _request, _errors: None

    def checked(self, operation: protocol.Operation, filled: Filled) -> tuple[dict[str, Any], Errors]:
        """The request of a filled form, and what the service model has against it."""
        errors: Errors = {}
        request: dict[str, Any] = {}
        for each in self.fields:
            *above, last = _path(each.member)
            inner = request
            for name in above:
                inner = inner.setdefault(name, {})
            value = each.read(filled.get(each.name, "").strip(), errors)
            if value not in ("", None, []):
                inner[last] = value
        self.finish(request, errors)
        for fault in protocol.faults(operation, request):
            _add(errors, self._field_of(fault.path), "Fill this in." if fault.is_missing else fault.sentence)
        return request, errors

    def filled(self, request: Mapping[str, Any]) -> dict[str, str]:
        """What the fields hold for a request; empty where it has nothing."""
        found: dict[str, str] = {}
        for each in self.fields:
            value: Any = request
            for name in _path(each.member):
                value = value.get(name) if isinstance(value, Mapping) else None
            found[each.name] = str(value) if isinstance(value, (str, int)) else ""
        return found

    def refused(self, error: CallerError) -> Errors:
        """A refusal of the operation beside the field that it is about."""
        name = self.fields[0].name if isinstance(error, ResourceInUse) else self._field_of(error.field)
        return {name: [error.message]}

    def _field_of(self, path: str) -> str:
        whole = _INDEX.sub("", path)
        known = [each for each in self.fields if whole and f"{each.member}.".startswith(f"{whole}.")]
        return next((each.name for each in known if each.member == whole), known[0].name if known else WHOLE)


NAME_HINT = "Letters, digits and hyphens, 63 at most."
ROLE = Field(
    "role",
    "Role ARN",
    "roleArn",
    "Of your own account. The operator's settings decide what it may access.",
    required=True,
)
KMS = Field("kms", "KMS key", "outputConfig.kmsKeyId", "Encrypts what is written. Leave it empty for none.")
TAGS = Field("tags", "Tags", "tags", "One a line, as key=value.", kind="area", read=_tags)

PACKAGING = Form(
    operation="CreateEdgePackagingJob",
    title="New packaging job",
    fields=(
        Field("name", "Job name", "edgePackagingJobName", NAME_HINT, required=True, section="The job"),
        Field(
            "compilation",
            "Compilation job",
            "compilationJobName",
            "A completed one: its artifact is what is packed.",
            required=True,
            suggest=True,
        ),
        Field("model", "Model name", "modelName", NAME_HINT, required=True, section="The model"),
        Field("version", "Model version", "modelVersion", "Letters, digits, spaces, dots, underscores.", required=True),
        Field(
            "output",
            "Output location",
            "outputConfig.s3OutputLocation",
            "Such as s3://packages/production. The package's name is added to it.",
            required=True,
            section="The package",
        ),
        KMS,
        Field(
            "preset",
            "Component",
            "outputConfig.presetDeploymentType",
            "Makes a component of the package that Greengrass cores deploy.",
            kind="choice",
            choices=(("", "None"), ("GreengrassV2Component", "Greengrass V2 component")),
            section="Greengrass",
        ),
        Field(
            "component",
            "Component name",
            "outputConfig.presetDeploymentConfig.componentName",
            "Named after the job when empty.",
        ),
        Field(
            "component_version",
            "Component version",
            "outputConfig.presetDeploymentConfig.componentVersion",
            "1.0.0 when empty.",
        ),
        replace(ROLE, section="Other settings"),
        Field("resource_key", "Resource key", "resourceKey", "Kept and shown with the job. Leave it empty for none."),
        TAGS,
    ),
    finish=_component,
)
COMPILATION = Form(
    operation="CreateCompilationJob",
    title="New compilation job",
    fields=(
        Field("name", "Job name", "compilationJobName", NAME_HINT, required=True, section="The job"),
        Field(
            "source",
            "Model archive",
            "inputConfig.s3Uri",
            "A .tar.gz in the object store, such as s3://models/digits.tar.gz.",
            required=True,
            section="The model",
        ),
        Field(
            "framework",
            "Framework",
            "inputConfig.framework",
            "Models of other frameworks are registered: see `edgewright compilations register --help`.",
            kind="choice",
            choices=tuple((name, name) for name in BACKENDS),
        ),
        Field(
            "inputs",
            "Inputs",
            "inputConfig.dataInputConfig",
            'Names and shapes as JSON, such as {"image": [1, 1, 8, 8]}. Derived from the model when empty.',
        ),
        Field(
            "output",
            "Output location",
            "outputConfig.s3OutputLocation",
            "Such as s3://models/compiled.",
            required=True,
            section="The artifact",
        ),
        Field("target", "Target device", "outputConfig.targetDevice", "What it is compiled for.", kind="choice"),
        KMS,
        Field(
            "seconds",
            "Maximum runtime",
            "stoppingCondition.maxRuntimeInSeconds",
            "Seconds after which the job is ended.",
            section="Other settings",
            read=_seconds,
        ),
        ROLE,
        TAGS,
    ),
    defaults={"framework": "ONNX", "target": "rasp4b", "seconds": "900"},
)
