"""What a request touches: actions on resources, each of which its caller must be allowed; and the kinds of resources.

An operation declares what the names in its request say (`Accesses`), which is checked before anything is looked up.
Objects are known only by values that an operation has parsed or read: it asks for them itself, with
`Context.authorize`, on the very values that it goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgewright.arns import PARTITIONS, partition
from edgewright.jobs.kinds import KINDS

if TYPE_CHECKING:
    from edgewright.jobs import JobKey, Kind
    from edgewright.operations.caller import Caller
    from edgewright.stores import S3Uri

Request = Mapping[str, Any]
"""Members by the model's names."""
Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of resource, and what rules may call one.

    Attributes:
        noun: in messages.
        name: a pattern that every bare name of it matches.
        arns: patterns of its ARNs and URIs.
        characters: those that a bare name may have, as a regular expression's class.
    """

    noun: str
    name: str
    arns: tuple[str, ...]
    characters: str


JOBS: Final[Mapping[Kind, Resource]] = {
    kind: Resource(entry.noun, "*", (f"arn:*:sagemaker:*:*:{kind}/*",), r"[a-zA-Z0-9-]")
    for kind, entry in KINDS.items()
}
COMPONENT: Final = Resource("component", "*", ("arn:*:greengrass:*:*:components:*",), r"[a-zA-Z0-9_.-]")
OBJECT: Final = Resource("object", "*/*", ("arn:*:s3:::*/*", "s3://*/*"), r"[^\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Access:
    """One action on one resource, which the caller must be allowed.

    Attributes:
        action: such as `sagemaker:StopEdgePackagingJob`.
        name: the resource's name, which rules are matched with; `*` where the action is on no one resource.
        arn: its ARN, which a refusal names; `*` where the action is on no one resource.
        aliases: further ARNs or URIs that rules may call it by.
        bound: the same action on what else the request names: a rule's name patterns count for all of them at once.
        implied: whether it is an action of another service than the operation's. Only principals that have an allow
            rule for that service need to be allowed it; a deny always counts.
    """

    action: str
    name: str = "*"
    arn: str = "*"
    aliases: tuple[str, ...] = ()
    bound: tuple[Access, ...] = ()
    implied: bool = False


@dataclass(frozen=True, slots=True)
class Accesses:
    """What an operation touches by the names in its request.

    Attributes:
        resources: the kinds of resources that its own action is on; none where it is on no one resource.
        find: from the operation's action, its caller and its request, not validated yet, to all that it touches.
    """

    resources: tuple[Resource, ...]
    find: Callable[[str, Caller, Request], Sequence[Access]]

    def __call__(self, action: str, caller: Caller, request: Request) -> Sequence[Access]:
        """What a request touches."""
        return self.find(action, caller, request)


NO_RESOURCE: Final = Accesses((), lambda action, _caller, _request: (Access(action),))
"""Of an operation that is about no one resource, such as a List."""


def job_access(kind: Kind) -> Accesses:
    """Of an operation whose request names a job of this kind."""
    member = KINDS[kind].name_member

    def find(action: str, caller: Caller, request: Request) -> Sequence[Access]:
        name = request.get(member)
        return (Access(action) if name is None else Access(action, name, caller.job(kind, name).arn),)

    return Accesses((JOBS[kind],), find)


def describe_access(key: JobKey) -> Access:
    """What a caller must be allowed who sees anything of a job: to describe it."""
    return Access(f"sagemaker:{KINDS[key.kind].describe_operation}", key.name, key.arn)


GET_OBJECT, PUT_OBJECT = "s3:GetObject", "s3:PutObject"


def reading(uri: S3Uri, region: str, *, implied: bool = True) -> Access:
    """Reading an object; `implied` unless a caller asks for its bytes and nothing else."""
    return _of_object(GET_OBJECT, uri, region, implied=implied)


def writing(uri: S3Uri, region: str) -> Access:
    """Writing an object."""
    return _of_object(PUT_OBJECT, uri, region, implied=True)


def _of_object(action: str, uri: S3Uri, region: str, *, implied: bool) -> Access:
    """An object is the same one whatever region a request is signed for: rules may call it by any partition's ARN."""
    name = f"{uri.bucket}/{uri.key}"
    arns = [f"arn:{each}:s3:::{name}" for each in PARTITIONS]
    return Access(action, name, f"arn:{partition(region)}:s3:::{name}", (str(uri), *arns), implied=implied)
