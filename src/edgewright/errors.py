"""The one error tree: a leaf per cause, split by who can fix it.

A `CallerError` is fixed by the sender of the request, the archive or the package; a `ServiceError` by the operator of
the service. The message of each says what was found, what was wanted and what to do, and never holds a secret; what
code must know of an error is a member of it. `protocol.errors` maps the tree to the wire, `cli` to exit codes, `worker`
to a job's message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal


class EdgewrightError(Exception):
    """The root of every error that edgewright raises on purpose.

    Attributes:
        field: the member of the request that it is about, as AWS's sentences name it (`outputConfig.kmsKeyId`); empty
            where it is about no one member.
    """

    field: str = ""

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0]) if self.args else type(self).__name__


class CallerError(EdgewrightError):
    """The caller can fix it.

    Attributes:
        audited: whether the audit log has the call that it refused.
    """

    audited: bool = False
    quotes_proof: bool = False
    """Of a class: whether its sentence may repeat what the caller sent as proof, which no log gets."""


class ServiceError(EdgewrightError):
    """The operator of the service can fix it."""


@contextmanager
def about(field: str) -> Iterator[None]:
    """Note on errors which member of the request they are about, unless they know better."""
    try:
        yield
    except EdgewrightError as error:
        error.field = error.field or field
        raise


def root_cause(error: BaseException) -> str:
    """The class of the error at the root: others only said more about it."""
    while isinstance(error.__cause__, EdgewrightError):
        error = error.__cause__
    return type(error).__name__


# --- requests -------------------------------------------------------------------------------------------------


class ValidationFault(CallerError):
    """A request breaks a rule of the service model, or one that the model cannot say."""


class SerializationFault(CallerError):
    """A body that is not JSON, or holds a JSON type other than the model's."""


class UnknownOperation(CallerError):
    """No operation of that name, or one that is not implemented."""


class RequestTooLarge(CallerError):
    """A body over the cap."""


class Throttled(CallerError):
    """More requests than the caller may send."""


class MissingAuthentication(CallerError):
    """A request that is not signed at all."""


class IncompleteSignature(CallerError):
    """An Authorization header that lacks a part or cannot be read."""

    quotes_proof = True


class InvalidSignature(CallerError):
    """A signature that does not match, or a time out of the window."""


class UnknownAccessKey(CallerError):
    """An access key, or a session token, that is not known."""


class AccessDenied(CallerError):
    """A known caller who may not do this."""


# --- jobs -----------------------------------------------------------------------------------------------------


class AboutResource(CallerError):
    """An error about one resource.

    Attributes:
        resource: its ARN, or None where the message alone names it.
    """

    def __init__(self, message: str, resource: str | None = None) -> None:
        super().__init__(message)
        self.resource = resource


class ResourceNotFound(AboutResource):
    """No job, or no resource, of that name in the caller's account and region."""


class ResourceInUse(CallerError):
    """A name that is taken."""


class ComponentExists(AboutResource):
    """A component version that is there already: the same name and version always mean the same bytes."""


class ClientTokenUsed(AboutResource):
    """A client token that came with another request before."""


class ResourceLimitExceeded(CallerError):
    """More unfinished jobs than the account may have."""


class TransitionRefused(CallerError):
    """A job is not in a status from which the wanted one can be reached.

    Attributes:
        current: the status that the job was in when the update was refused.
    """

    def __init__(self, message: str, current: str) -> None:
        super().__init__(message)
        self.current = current


class JobStopped(EdgewrightError):
    """A Stop reached the job while it ran: the recipe ends, and leaves nothing behind."""


# --- object storage -------------------------------------------------------------------------------------------


class UriRefused(CallerError):
    """A URI that is not of the form s3://bucket/key or its https equivalents, or leaves its bucket."""


class ObjectNotFound(CallerError):
    """No object at that bucket and key."""


class ObjectForbidden(CallerError):
    """The store denies the object to the rights that the job runs with."""


class ObjectReplaced(CallerError):
    """An object that was replaced while it was read, on a store that cannot go on with the old version."""


class SourceReplaced(CallerError):
    """A compiled artifact that is not the one that its compilation job recorded.

    Attributes:
        sha256: of what was found, in hexadecimal; None where it is too large to be read.
    """

    def __init__(self, message: str, sha256: str | None) -> None:
        super().__init__(message)
        self.sha256 = sha256


class KeyRefused(CallerError):
    """A KMS key that the object store does not have, or may not use."""


class ObjectDamaged(CallerError):
    """An encrypted object whose file is not the one that was written: changed, cut short or moved."""


class RoleRefused(CallerError):
    """A role whose rights the service is not given."""


class StoreUnavailable(ServiceError):
    """The object store could not be reached, or broke off."""


class StoreFull(StoreUnavailable):
    """The object store has no room for the object."""


class UploadGone(StoreUnavailable):
    """A multipart upload that is not there any more: completed, aborted or cleaned away."""


class StoreUnsuited(ServiceError):
    """The object store does not implement what it was asked for: trying again does not help."""


class EncryptionMissing(ServiceError):
    """An object that the store did not encrypt as it was asked to; the object has been removed."""


# --- archives and packages ------------------------------------------------------------------------------------


ArchiveFault = Literal["damaged", "outside", "kind", "twice", "clash", "name", "limit"]
"""No archive, or one that is cut short or damaged; a member that would leave the folder, is no regular file, is there
twice, is both file and folder, or has another forbidden name; a limit."""


class ArchiveRefused(CallerError):
    """A compiled-model archive that is malformed or unsafe.

    Attributes:
        member: the member's name as found in the archive, or None where no member is to blame.
        fault: the rule that the archive breaks.
    """

    def __init__(self, message: str, member: str | None = None, fault: ArchiveFault = "damaged") -> None:
        super().__init__(message)
        self.member = member
        self.fault = fault


class LimitExceeded(ArchiveRefused):
    """An archive larger, deeper or longer than a field of `Limits` allows.

    Attributes:
        limit: that field, or None for the length of a header, which is fixed.
        found: what was found so far; 0 where it was not counted.
    """

    def __init__(self, message: str, member: str | None = None, *, limit: str | None = None, found: int = 0) -> None:
        super().__init__(message, member, "limit")
        self.limit = limit
        self.found = found


class PackageRefused(CallerError):
    """A package that is not what its signature says, or is not signed by a trusted key."""


class ExtractionRefused(CallerError):
    """A folder to unpack into that is taken, or cannot be written."""


class KeyListRefused(CallerError):
    """A list of trusted keys that is unsigned, expired, older than one seen before, or signed by another root key."""


class KeyChangeRefused(CallerError):
    """A change of a signing key that its state, or another key's, does not allow."""


class KeyUnusable(ServiceError):
    """A signing or verifying key that is missing, unreadable, of the wrong kind, or open to others."""


# --- compiling ------------------------------------------------------------------------------------------------


class TargetUnsupported(CallerError):
    """A framework or target that no backend compiles for."""


class ModelRefused(CallerError):
    """A model that the backend cannot compile as asked."""


class CompilationTimedOut(ModelRefused):
    """A model that was not compiled within the job's MaxRuntimeInSeconds."""


class CompilerFailed(ServiceError):
    """The process that compiles crashed, was killed, or left what it must not."""


class SandboxMissing(CompilerFailed):
    """A host that cannot make the sandbox that compilations run in, where one is asked for."""


# --- the service itself ---------------------------------------------------------------------------------------


class SettingsRefused(ServiceError):
    """A setting that cannot be used as given."""


class DatabaseUnavailable(ServiceError):
    """The database could not be reached or written."""


class DatabaseNewer(DatabaseUnavailable):
    """The database belongs to a newer version, which does not let this one use it. Waiting does not help."""


class DatabaseDamaged(DatabaseUnavailable):
    """The file is no database, or a damaged one. Waiting does not help."""


class EngineUnavailable(ServiceError):
    """The workflow engine could not take a job; it is enqueued later."""


# --- clients of the service -----------------------------------------------------------------------------------


class ServiceUnreachable(ServiceError):
    """No service answers at the endpoint."""


class ServiceRefused(CallerError):
    """The service answered a client with an AWS error; the message holds its code and text."""
