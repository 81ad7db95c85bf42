"""docs/reference/errors.md from the error tree and the map to the wire. `check_docs.py` writes and checks it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from edgewright import errors
from edgewright.errors import CallerError, EdgewrightError
from edgewright.protocol.errors import CODES
from edgewright.protocol.rest_errors import REST_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION = """# Errors

Every error that the program raises on purpose has a cause of its own, and is either the caller's to fix or the
operator's. Its sentence says what was found, what was wanted and what to do.

- **On the wire** the code is in the header `x-amzn-ErrorType` and in the body; the caller's errors come with their own
  sentence, the operator's with AWS's general one: the log has the rest, under the request's id. The table shows
  what a request gets that meets the error, and of Greengrass's operations where they differ; which operation may
  answer what is in [api.md](api.md) and [greengrass-api.md](greengrass-api.md).
- **In a job** `EdgePackagingJobStatusMessage` and `FailureReason` begin with `ClientError:` where the caller can fix
  it, and with `InternalServerError:` where the operator can.
- **On the command line** the sentence goes to standard error; [cli.md](cli.md) has the exit codes.

Made from the program by `make docs`.
"""

REMEDIES: dict[str, str] = {
    "AccessDenied": "Allow the action in `principals.toml`: [access keys](../how-to/access-keys.md).",
    "ArchiveRefused": "Make the archive anew without the member that is named.",
    "ClientTokenUsed": "Send the request that the token came with first, or take a new token.",
    "CompilationTimedOut": "Raise `StoppingCondition.MaxRuntimeInSeconds`, or compile a smaller model.",
    "CompilerFailed": "Look at the worker's log; give the worker more memory, or the model a smaller input.",
    "ComponentExists": "Choose another component version, or delete the one that is there.",
    "DatabaseDamaged": "Restore the database from a backup: [backup and restore](../how-to/backup-and-restore.md).",
    "DatabaseNewer": "Start the newer program on this database: [upgrade](../how-to/upgrade.md).",
    "DatabaseUnavailable": "See that the database runs and takes connections; clients retry by themselves.",
    "EncryptionMissing": "See that the bucket's service supports SSE-KMS with that key.",
    "EngineUnavailable": "Nothing: the job is enqueued when the engine is back. Look at the log if that lasts.",
    "ExtractionRefused": "Name a folder that is new or empty, and that may be written.",
    "IncompleteSignature": "Sign with an AWS SDK, or write the header as SigV4 wants it.",
    "InvalidSignature": "Check the secret, and the clock of the client's host.",
    "JobStopped": "Nothing: somebody asked for it.",
    "KeyRefused": "Name a key of the keyring: [encryption](../how-to/encryption.md).",
    "KeyChangeRefused": "See `edgewright keys list`: [signing keys](../how-to/signing-keys.md).",
    "KeyListRefused": "Get the newest list from the holder of the root key: [signing keys](../how-to/signing-keys.md).",
    "KeyUnusable": "Do what the sentence says: [signing keys](../how-to/signing-keys.md).",
    "LimitExceeded": "Raise the limit that is named, if the model is yours: [settings](settings.md).",
    "MissingAuthentication": "Give the client credentials.",
    "ModelRefused": "Fix the model, or `DataInputConfig`, as the sentence says.",
    "ObjectDamaged": "Restore the object's file from a copy, or make the object again.",
    "ObjectForbidden": "Give the service's or the role's credentials the right to the object.",
    "ObjectNotFound": "Check the bucket and the key.",
    "ObjectReplaced": "Create the job again, once nobody writes the object any more.",
    "PackageRefused": "Do not use the package. Get it again from where it was made.",
    "RequestTooLarge": "Send less; nothing that the API takes is that long.",
    "ResourceInUse": "Choose another name, or describe what has it.",
    "ResourceLimitExceeded": "Wait until some jobs end, or raise `unfinished_jobs`.",
    "ResourceNotFound": "Check name, account and Region: they never see each other's.",
    "RoleRefused": "Give the service the role: [object storage](../how-to/object-storage.md).",
    "SerializationFault": "Send JSON of the types that [api.md](api.md) gives.",
    "ServiceRefused": "What the code in the sentence asks for; it is one of these.",
    "ServiceUnreachable": "Start the service, or name its endpoint.",
    "SandboxMissing": "Run `edgewright doctor` on the worker's host: [sandbox](../how-to/sandbox.md).",
    "SettingsRefused": "Fix the setting that is named: [settings](settings.md).",
    "SourceReplaced": "Compile again to a place that nobody else writes to, or register what is meant.",
    "StoreFull": "Make room where the objects are kept; create the job again.",
    "StoreUnsuited": "Take another object store, or leave out what it does not implement, such as a KMS key.",
    "StoreUnavailable": "See that the object store answers; create the job again later.",
    "TargetUnsupported": "Choose a target that is compiled for, or register a model compiled elsewhere.",
    "Throttled": "Nothing: SDKs retry. Or raise `requests_per_second`.",
    "TransitionRefused": "Nothing: the job has ended already.",
    "UnknownAccessKey": "Create the key, or rotate it: [access keys](../how-to/access-keys.md).",
    "UnknownOperation": "Use an operation of [api.md](api.md) or [greengrass-api.md](greengrass-api.md).",
    "UploadGone": "Nothing: the next attempt begins a new upload.",
    "UriRefused": "Write `s3://bucket/key`, or one of its https forms.",
    "ValidationFault": "Fix the members that the sentence names.",
}
"""What to do, by error."""


def page() -> str:
    """The whole page."""
    rows = ["| error | what it means | on the wire | what to do |", "|---|---|---|---|", *map(_row, _leaves())]
    return f"{INTRODUCTION}\n" + "\n".join(rows) + "\n"


def faults() -> Iterator[str]:
    """Errors without a remedy, and remedies without an error."""
    names = {error.__name__ for error in _leaves()}
    yield from (f"scripts/errors_page.py: {name} has no remedy" for name in sorted(names - REMEDIES.keys()))
    yield from (f"scripts/errors_page.py: there is no error {name}" for name in sorted(REMEDIES.keys() - names))


def _leaves() -> list[type[EdgewrightError]]:
    inner = {EdgewrightError, CallerError, errors.ServiceError, errors.AboutResource}
    found = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, EdgewrightError)]
    return [error for error in found if error not in inner]


def _row(error: type[EdgewrightError]) -> str:
    meaning = " ".join((error.__doc__ or "").split("\n\n")[0].split())
    remedy = REMEDIES.get(error.__name__, "")
    return f"| `{error.__name__}` | {meaning} | {_wire(error)} | {remedy} |"


def _wire(error: type[EdgewrightError]) -> str:
    plain, rest = (_answer(codes, error) for codes in (CODES, REST_CODES))
    return plain if rest == plain else f"{plain}; Greengrass's {rest}"


def _answer(codes: dict[type[BaseException], tuple[int, str]], error: type[EdgewrightError]) -> str:
    status, code = next(codes[parent] for parent in error.__mro__ if parent in codes)
    return f"`{code}`, {status}"
