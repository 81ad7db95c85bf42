"""Every constraint that botocore's model sets on the requests of the implemented operations, one by one.

It reads botocore's own model, not our extract, and knows nothing of how we compile it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

IMPLEMENTED = (
    "CreateEdgePackagingJob",
    "DescribeEdgePackagingJob",
    "ListEdgePackagingJobs",
    "StopEdgePackagingJob",
    "CreateCompilationJob",
    "DescribeCompilationJob",
    "ListCompilationJobs",
    "StopCompilationJob",
    "DeleteCompilationJob",
    "AddTags",
    "ListTags",
    "DeleteTags",
)
MODEL = Loader().load_service_model("sagemaker", "service-2")

SAMPLES: Mapping[str, Any] = {
    "EntityName": "a-model",
    "EdgeVersion": "1.0",
    "RoleArn": "arn:aws:iam::123456789012:role/packager",
    "S3Uri": "s3://models/out",
    "KmsKeyId": "alias/a-key",
    "String": "{}",
    "TagKey": "größe",
    "TagValue": "東京 1",
    "ModelPackageArn": "arn:aws:sagemaker:eu-west-1:123456789012:model-package/a/1",
    "DataInputConfig": '{"x": [1, 3]}',
    "FrameworkVersion": "1.8",
    "CompilerOptions": "{ }",
    "NeoVpcSecurityGroupId": "sg-1",
    "NeoVpcSubnetId": "subnet-1",
    "MaxRuntimeInSeconds": 900,
    "MaxWaitTimeInSeconds": 900,
    "MaxPendingTimeInSeconds": 7200,
    "MaxResults": 10,
    "ListMaxResults": 10,
    "ListTagsMaxResults": 60,
    "ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/a",
    "NextToken": "abc",
    "NameContains": "mod",
    "Timestamp": 1700000000,
    "CreationTime": 1700000000.123,
    "LastModifiedTime": 1700000000,
}
"""A value that meets all constraints, by the name of its shape; an enumeration's first value needs none."""

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Constraint:
    """One constraint at one place of one operation's request.

    `steps` leads to the value through the request; a 0 stands for the first element of a list.
    """

    operation: str
    steps: Steps
    kind: str
    bound: Any
    shape: str

    def __str__(self) -> str:
        return f"{self.operation}.{'.'.join(map(str, self.steps))}-{self.kind}"

    @property
    def path(self) -> str:
        """The place in the words of AWS."""
        labels = [f"{step + 1}.member" if isinstance(step, int) else step[0].lower() + step[1:] for step in self.steps]
        return ".".join(labels)

    @property
    def in_list_of_scalars(self) -> bool:
        """AWS tells such a constraint of the list, with all the others of its elements."""
        return isinstance(self.steps[-1], int) and MODEL["shapes"][self.shape]["type"] != "structure"


def all_constraints() -> list[Constraint]:
    return [constraint for name in IMPLEMENTED for constraint in _of_operation(name)]


def _of_operation(name: str) -> Iterator[Constraint]:
    yield from _of_shape(name, (), MODEL["operations"][name]["input"]["shape"])


def _of_shape(operation: str, steps: Steps, name: str) -> Iterator[Constraint]:
    shape = MODEL["shapes"][name]
    if steps:
        yield Constraint(operation, steps, "type", shape["type"], name)
    for kind in ("min", "max", "pattern", "enum"):
        if kind in shape:
            yield Constraint(operation, steps, kind, shape[kind], name)
    for member in shape.get("required", ()):
        yield Constraint(operation, (*steps, member), "required", None, shape["members"][member]["shape"])
    for member, ref in shape.get("members", {}).items():
        yield from _of_shape(operation, (*steps, member), ref["shape"])
    if shape["type"] == "list":
        yield from _of_shape(operation, (*steps, 0), shape["member"]["shape"])


def sample(name: str) -> Any:
    """A value of a shape with every member set, each meeting its constraints."""
    shape = MODEL["shapes"][name]
    if shape["type"] == "structure":
        return {member: sample(ref["shape"]) for member, ref in shape["members"].items()}
    if shape["type"] == "list":
        return [sample(shape["member"]["shape"])]
    return shape["enum"][0] if "enum" in shape else SAMPLES[name]


def request_with(constraint: Constraint, value: Any) -> dict[str, Any]:
    """A whole request of the operation with `value` at the constraint's place; None takes the member out."""
    request: dict[str, Any] = copy.deepcopy(sample(MODEL["operations"][constraint.operation]["input"]["shape"]))
    *way, last = constraint.steps
    place: Any = request
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return request
