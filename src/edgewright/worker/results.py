"""How jobs end: one class for each kind of job, and the plain JSON in which the engine keeps a result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

from edgewright.jobs import Kind, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from edgewright.compiling import Compiled
    from edgewright.packaging import Package
    from edgewright.worker.context import Json

PACKAGING = "The model is being packaged."
STOPPED = "The edge packaging job was stopped. It left no package."
MOST_FILES = 1000
"""Files that a report lists: the largest. The signature has the digests of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult(ABC):
    """How a job ends.

    Attributes:
        status: COMPLETED, FAILED or STOPPED.
        message: what the job says of it.
        model_artifact: URI of the object that was made.
        overwrote: see `PackagingJob.overwrote`.
        report: what is known of it beyond the API's members; see `jobs.reports`.
    """

    status: Status
    message: str = ""
    model_artifact: str | None = None
    overwrote: str | None = None
    report: Json | None = None

    @staticmethod
    @abstractmethod
    def at_begin(now: datetime) -> Json:
        """The members of a job that change when an attempt begins."""

    @classmethod
    def stopped(cls) -> Self:
        """The result of a job that was stopped."""
        return cls(status=Status.STOPPED)

    @classmethod
    def failed(cls, message: str, error: str) -> Self:
        """The result of a job that failed.

        Args:
            message: what the job says of it.
            error: the class of `edgewright.errors` at the root of it, or any other exception's; kept in the report.
        """
        return cls(status=Status.FAILED, message=message, report={"error": error})

    @abstractmethod
    def members(self, now: datetime) -> Json:
        """The members of a job, beside its status, that change when it ends so."""

    def to_json(self) -> Json:
        """What the engine keeps; members that are not given are left out."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if value is not None}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """A result that the engine kept, of this version of the program or of one before."""
        known = {field.name for field in fields(cls)}
        return cls(
            **{name: value for name, value in kept.items() if name in known} | {"status": Status(kept["status"])}
        )

    def _made(self, *names: str) -> Json:
        """Members of the job that are only there where it made something."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagingResult(JobResult):
    """How an edge packaging job ends.

    Attributes:
        model_signature: the signature's document.
        sha256: of the package, in hexadecimal.
        preset_output: PresetDeploymentOutput of a job that asked for a component.
    """

    model_signature: str | None = None
    sha256: str | None = None
    preset_output: Json | None = None

    @staticmethod
    def at_begin(now: datetime) -> Json:
        """Its message."""
        del now  # a packaging job does not say when it started
        return {"status_message": PACKAGING}

    @classmethod
    def stopped(cls) -> Self:
        """The result of a job that was stopped, which says so."""
        return cls(status=Status.STOPPED, message=STOPPED)

    def members(self, now: datetime) -> Json:
        """Its message, the package, its digest and signature, and its component."""
        made = self._made("model_artifact", "model_signature", "preset_output", "overwrote")
        return {"status_message": self.message} | made | ({"package_sha256": self.sha256} if self.sha256 else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilationResult(JobResult):
    """How a compilation job ends.

    Attributes:
        artifact_digest: SHA-256 of the artifact, in hexadecimal.
        artifact_size: its bytes.
        artifact_version: the store's name for it, where it has one.
        derived_data_input_config: the model's own inputs as JSON, where the caller gave none.
    """

    artifact_digest: str | None = None
    artifact_size: int | None = None
    artifact_version: str | None = None
    derived_data_input_config: str | None = None

    @staticmethod
    def at_begin(now: datetime) -> Json:
        """When it started."""
        return {"started_at": now}

    def with_log(self, log: str) -> Self:
        """The same, and what the compiler printed in its report."""
        return replace(self, report=(self.report or {}) | {"log": log})

    def members(self, now: datetime) -> Json:
        """When it ended, why it failed, and the artifact."""
        artifact = ("model_artifact", "artifact_digest", "artifact_size", "artifact_version", "overwrote")
        made = self._made(*artifact, "derived_data_input_config")
        return {"ended_at": now} | ({"failure_reason": self.message} if self.message else {}) | made


RESULTS: Mapping[Kind, type[JobResult]] = {Kind.PACKAGING: PackagingResult, Kind.COMPILATION: CompilationResult}


def package_report(made: Package) -> Json:
    """The report of a package: `files` as lists of path, size, SHA-256 and whether it is executable."""
    files = made.manifest.files
    largest = sorted(files, key=lambda file: file.size, reverse=True)[:MOST_FILES]
    kept = {file.path for file in largest}
    return {
        "size": made.size,
        "count": len(files),
        "unpacked": made.manifest.size,
        "files": [[file.path, file.size, file.sha256, file.executable] for file in files if file.path in kept],
    }


def compilation_report(compiled: Compiled) -> Json:
    """The report of a compiled model: what goes in, what comes out, and what made it."""
    sides = {"inputs": compiled.inputs, "outputs": compiled.outputs}
    tensors = {
        side: [{"name": each.name, "shape": list(each.shape), "type": each.type} for each in of]
        for side, of in sides.items()
    }
    return {"size": compiled.size, "toolchain": dict(compiled.toolchain), **tensors}
