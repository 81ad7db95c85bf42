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
from edgewright.errors import CallerError, ResourceInUse

Filled = Mapping[str, str]
Errors = dict[str, list[str]]

WHOLE = ""
"""The key of errors that are about no one field."""
_INDEX = re.compile(r"\.\d+\.member.*")


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


@dataclass(frozen=True, slots=True)
class Form:
    """One form.

    Attributes:
        operation: what it calls.
        fields: in their order.
        request: the request that a filled form stands for; adds to the errors what cannot be written as one.
    """

    operation: str
    title: str
    fields: Sequence[Field]
    request: Callable[[Filled, Errors], dict[str, Any]]
    defaults: Mapping[str, str] = field(default_factory=dict)

    def checked(self, operation: protocol.Operation, filled: Filled) -> tuple[dict[str, Any], Errors]:
        """The request of a filled form, and what the service model has against it."""
        errors: Errors = {}
        request = self.request({name: value.strip() for name, value in filled.items()}, errors)
        for fault in protocol.faults(operation, request):
            _add(errors, self._field_of(fault.path), _plain(fault.constraint, fault.sentence))
        return request, errors

    def refused(self, error: CallerError) -> Errors:
        """A refusal of the operation beside the field that it is about."""
        name = self.fields[0].name if isinstance(error, ResourceInUse) else self._field_of(error.field)
        return {name: [error.message]}

    def _field_of(self, path: str) -> str:
        whole = _INDEX.sub("", path)
        return next((each.name for each in self.fields if whole and each.member == whole), WHOLE)


def _plain(constraint: str, sentence: str) -> str:
    """A constraint as a sentence of its own, where AWS's says no more than that something is missing."""
    return "Fill this in." if constraint == "Member must not be null" else sentence


def _add(errors: Errors, name: str, message: str) -> None:
    errors.setdefault(name, []).append(message)


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in ("", None, {})}


def _tags(text: str, errors: Errors) -> list[dict[str, str]]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        key, separator, value = line.partition("=")
        if not separator:
            _add(errors, "tags", f"'{line}' has no '='. Write one tag a line, as key=value.")
        found.append({"Key": key.strip(), "Value": value.strip()})
    return found


def _packaging(filled: Filled, errors: Errors) -> dict[str, Any]:
    component = {
        "ComponentName": filled.get("component", ""),
        "ComponentVersion": filled.get("component_version", ""),
    }
    wants_component = filled.get("preset", "") != ""
    if not wants_component:
        for name in ("component", "component_version"):
            if filled.get(name):
                _add(errors, name, "This needs a component: choose one above, or leave this empty.")
    config = json.dumps(_given(**component)) if wants_component and any(component.values()) else None
    output = _given(
        S3OutputLocation=filled.get("output", ""),
        KmsKeyId=filled.get("kms", ""),
        PresetDeploymentType=filled.get("preset", ""),
        PresetDeploymentConfig=config,
    )
    members = _given(
        EdgePackagingJobName=filled.get("name", ""),
        CompilationJobName=filled.get("compilation", ""),
        ModelName=filled.get("model", ""),
        ModelVersion=filled.get("version", ""),
        RoleArn=filled.get("role", ""),
        ResourceKey=filled.get("resource_key", ""),
    )
    tags = _tags(filled.get("tags", ""), errors)
    return members | {"OutputConfig": output} | ({"Tags": tags} if tags else {})


def _compilation(filled: Filled, errors: Errors) -> dict[str, Any]:
    source = _given(
        S3Uri=filled.get("source", ""),
        Framework=filled.get("framework", ""),
        DataInputConfig=filled.get("inputs", ""),
    )
    output = _given(
        S3OutputLocation=filled.get("output", ""),
        TargetDevice=filled.get("target", ""),
        KmsKeyId=filled.get("kms", ""),
    )
    seconds = filled.get("seconds", "")
    if seconds and not (seconds.isascii() and seconds.isdigit() and len(seconds) < 10):
        _add(errors, "seconds", f"'{seconds}' is not a whole number of seconds.")
        seconds = ""
    members = _given(CompilationJobName=filled.get("name", ""), RoleArn=filled.get("role", ""))
    tags = _tags(filled.get("tags", ""), errors)
    return (
        members
        | {"InputConfig": source, "OutputConfig": output}
        | {"StoppingCondition": _given(MaxRuntimeInSeconds=int(seconds) if seconds else None)}
        | ({"Tags": tags} if tags else {})
    )


NAME_HINT = "Letters, digits and hyphens, 63 at most."
ROLE = Field(
    "role",
    "Role ARN",
    "roleArn",
    "Of your own account. The operator's settings decide what it may access.",
    required=True,
)
KMS = Field("kms", "KMS key", "outputConfig.kmsKeyId", "Encrypts what is written. Leave it empty for none.")
TAGS = Field("tags", "Tags", "tags", "One a line, as key=value.", kind="area")

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
        Field("component", "Component name", "outputConfig.presetDeploymentConfig", "Named after the job when empty."),
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
    request=_packaging,
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
            choices=(("ONNX", "ONNX"),),
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
        ),
        ROLE,
        TAGS,
    ),
    request=_compilation,
    defaults={"framework": "ONNX", "target": "rasp4b", "seconds": "900"},
)
