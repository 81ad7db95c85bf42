"""The pages with forms that make jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.console import job_pages
from edgewright.console.forms import COMPILATION, PACKAGING, TAGS, WHOLE, Errors, Form
from edgewright.console.rendering import see_other
from edgewright.errors import CallerError, ResourceNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest

SUGGESTED = 50
UNPROCESSABLE = 422


def new_job(visit: PageRequest) -> Response:
    """`GET` and `POST /console/new-job`; `?from=<name>` takes over what an earlier job was asked for."""
    return _form(visit, PACKAGING, job_pages.PATH, _from_job(visit))


def new_compilation(visit: PageRequest) -> Response:
    """`GET` and `POST /console/new-compilation`; `?from=<name>` takes over what an earlier job was asked for."""
    return _form(visit, COMPILATION, "/console/compilations", _from_compilation(visit))


def _form(visit: PageRequest, form: Form, folder: str, earlier: Mapping[str, str]) -> Response:
    if not visit.form:
        role = {"role": f"arn:aws:iam::{visit.principal.account}:role/edge"}
        return _page(visit, form, {**role, **form.defaults, **earlier, **visit.query}, {})
    request, errors = form.checked(visit.desk.operation(form.operation)[1], visit.form)
    if not errors:
        try:
            visit.desk.call(form.operation, **request)
        except CallerError as refused:
            errors = form.refused(refused)
    if errors:
        return _page(visit, form, visit.form, errors, UNPROCESSABLE)
    return see_other(f"{folder}/{visit.form['name'].strip()}")


def _page(visit: PageRequest, form: Form, values: Mapping[str, str], errors: Errors, status: int = 200) -> Response:
    return visit.page(
        "form.html",
        status,
        form=form,
        values=values,
        errors=errors,
        whole=WHOLE,
        suggestions=_completed(visit) if form is PACKAGING else [],
        devices=_devices(visit),
    )


def _completed(visit: PageRequest) -> list[str]:
    """Compilation jobs that can be packaged, the newest first."""
    found = visit.desk.ask("ListCompilationJobs", StatusEquals="COMPLETED", MaxResults=SUGGESTED)
    return [job["CompilationJobName"] for job in found["CompilationJobSummaries"]] if found else []


def _devices(visit: PageRequest) -> tuple[str, ...]:
    _, operation = visit.desk.operation("CreateCompilationJob")
    assert operation.input is not None
    output = operation.input.members["OutputConfig"].shape
    return output.members["TargetDevice"].shape.enum or ()


def _from_job(visit: PageRequest) -> dict[str, str]:
    name = visit.query.get("from")
    if not name:
        return {}
    try:
        job = visit.desk.packaging_job(name)
    except ResourceNotFound:
        return {}
    output = job.output_config
    return {
        "compilation": job.compilation_job_name,
        "model": job.model_name,
        "version": job.model_version,
        "output": output["S3OutputLocation"],
        "kms": output.get("KmsKeyId", ""),
        "preset": output.get("PresetDeploymentType", ""),
        "role": job.role_arn,
        "resource_key": job.resource_key or "",
        TAGS.name: _tag_lines(visit, job.key.arn),
    }


def _from_compilation(visit: PageRequest) -> dict[str, str]:
    name = visit.query.get("from")
    if not name:
        return {}
    try:
        job = visit.desk.compilation_job(name)
    except ResourceNotFound:
        return {}
    return {
        "source": job.input_config.get("S3Uri", ""),
        "inputs": job.input_config.get("DataInputConfig", ""),
        "output": job.output_config["S3OutputLocation"],
        "target": job.output_config.get("TargetDevice", ""),
        "kms": job.output_config.get("KmsKeyId", ""),
        "seconds": str(job.stopping_condition.get("MaxRuntimeInSeconds", "")),
        "role": job.role_arn,
        TAGS.name: _tag_lines(visit, job.key.arn),
    }


def _tag_lines(visit: PageRequest, arn: str) -> str:
    found = visit.desk.ask("ListTags", ResourceArn=arn, MaxResults=50)
    return "\n".join(f"{tag['Key']}={tag['Value']}" for tag in found["Tags"]) if found else ""
