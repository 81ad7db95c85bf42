"""Jobs as frozen values, and the key that names one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from edgewright.arns import partition
from edgewright.jobs.states import Status

if TYPE_CHECKING:
    from datetime import datetime

Json = Mapping[str, Any]

ANOTHER_ACCOUNT = "a job of another account"
"""Stands for the ARN of a job that is not this account's to know."""


class Kind(StrEnum):
    """The kinds of jobs, each named as in its ARN; `jobs.kinds` says what differs between them."""

    PACKAGING = "edge-packaging-job"
    COMPILATION = "compilation-job"

    __hash__ = str.__hash__  # as of the text that it equals; Enum's own is a call in Python for each look-up


_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sagemaker:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    rf":(?P<kind>{'|'.join(Kind)})/"
    r"(?P<name>[a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})"
)


@dataclass(frozen=True, slots=True)
class JobKey:
    """What names one job: names are unique within a kind, an account and a region, and case-sensitive."""

    kind: Kind
    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The job's ARN, in the region's partition."""
        return f"arn:{partition(self.region)}:sagemaker:{self.region}:{self.account}:{self.kind}/{self.name}"

    @classmethod
    def parse_arn(cls, arn: str) -> Self:
        """The key that an ARN names.

        Raises:
            ValueError: the ARN names no job, or its partition is not the region's.
        """
        match = _ARN.fullmatch(arn)
        if match is None or match["partition"] != partition(match["region"]):
            raise ValueError(f"{arn!r} is not the ARN of an edge packaging job or a compilation job.")
        return cls(Kind(match["kind"]), match["account"], match["region"], match["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagingJob:
    """An edge packaging job.

    Attributes:
        output_config: as the caller gave it, to be echoed.
        created_at: UTC with milliseconds.
        modified_at: UTC with milliseconds; never before created_at, and never goes backwards.
        model_artifact: URI of the package, once COMPLETED.
        model_signature: the signature's document, once COMPLETED. None in listings, which do not show it.
        preset_output: PresetDeploymentOutput, once there is one.
        source_uri: the compilation job's artifact when the job was created.
        source_sha256: what the compilation job recorded of that artifact, in hexadecimal, and its bytes in source_size;
            None where there is none, as of a job that an earlier version created.
        target: the device or platform that the artifact was compiled for.
        package_sha256: of the package, in hexadecimal, once COMPLETED.
        overwrote: the ARN of the job whose object was at the same place before, with other bytes; `ANOTHER_ACCOUNT`
            where it is not this account's.
        bytes_done: bytes of the source that were read, as of about half a second ago.
        bytes_total: bytes of the source, once known.
        written_uri: the object that some attempt may have written; it is removed where the job ends without it.
        written_at: when the object was about to become visible, in UTC with milliseconds.
        attempt: how many times a worker began the job; each attempt's updates are refused once a later one began.
    """

    key: JobKey
    compilation_job_name: str
    model_name: str
    model_version: str
    role_arn: str
    output_config: Json
    resource_key: str | None = None
    status: Status = Status.STARTING
    status_message: str = ""
    created_at: datetime
    modified_at: datetime
    source_uri: str
    source_sha256: str | None = None
    source_size: int | None = None
    target: str | None = None
    model_artifact: str | None = None
    model_signature: str | None = None
    package_sha256: str | None = None
    preset_output: Json | None = None
    overwrote: str | None = None
    bytes_done: int = 0
    bytes_total: int | None = None
    written_uri: str | None = None
    written_at: datetime | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompilationJob:
    """A compilation job.

    Attributes:
        input_config: as the caller gave it, to be echoed; so are output_config, stopping_condition and vpc_config.
        failure_reason: why it is FAILED; empty otherwise.
        created_at: UTC with milliseconds.
        modified_at: UTC with milliseconds; never before created_at, and never goes backwards.
        started_at: UTC in whole seconds, as is ended_at.
        model_artifact: URI of the compiled model, once COMPLETED.
        artifact_digest: SHA-256 of what the job made, or of what was registered, in hexadecimal.
        artifact_size: its bytes; None of jobs that an earlier version of the program did.
        artifact_version: the object store's name for it, where it has one: S3's version id or ETag.
        overwrote: as in PackagingJob, as is written_at.
        derived_data_input_config: the model's own inputs as JSON, where the caller gave none.
        bytes_done: bytes of the model that were read.
        bytes_total: bytes of the model, once known.
        written_uri: the object that some attempt may have written; it is removed where the job ends without it. Of a
            registered job, the artifact.
        attempt: how many times a worker began the job.
    """

    key: JobKey
    role_arn: str
    input_config: Json
    output_config: Json
    stopping_condition: Json
    vpc_config: Json | None = None
    model_package_version_arn: str | None = None
    status: Status = Status.STARTING
    failure_reason: str = ""
    created_at: datetime
    modified_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    model_artifact: str | None = None
    artifact_digest: str | None = None
    artifact_size: int | None = None
    artifact_version: str | None = None
    overwrote: str | None = None
    derived_data_input_config: str | None = None
    bytes_done: int = 0
    bytes_total: int | None = None
    written_uri: str | None = None
    written_at: datetime | None = None
    attempt: int = 0

    @property
    def target(self) -> str | None:
        """What it is compiled for: the device, or the platform's parts joined by underscores."""
        device = self.output_config.get("TargetDevice")
        if device:
            return str(device)
        platform = self.output_config.get("TargetPlatform") or {}
        return "_".join(str(platform[part]) for part in ("Os", "Arch", "Accelerator") if platform.get(part)) or None


Job = PackagingJob | CompilationJob
