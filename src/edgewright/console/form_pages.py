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


def new_job(page_request: PageRequest) -> Response:
    """`GET` and `POST /console/new-job`; `?from=<name>` takes over what an earlier job was asked for."""
    return _form(page_request, PACKAGING, job_pages.PATH, _from_job(page_request))


def new_compilation(page_request: PageRequest) -> Response:
    """`GET` and `POST /console/new-compilation`; `?from=<name>` takes over what an earlier job was asked for."""
    return _form(page_request, COMPILATION, "/console/compilations", _from_compilation(page_request))


def _form(page_request: PageRequest, form: Form, folder: str, earlier: Mapping[str, str]) -> Response:
    if not page_request.form:
        role = {"role": f"arn:aws:iam::{page_request.principal.account}:role/edge"}
        return _page(page_request, form, {**role, **form.defaults, **earlier, **page_request.query}, {})
    request, errors = form.checked(page_request.api.operation(form.operation), page_request.form)
    if not errors:
        try:
            page_request.api.call(form.operation, **request)
        except CallerError as refused:
            errors = form.refused(refused)
    if errors:
        return _page(page_request, form, page_request.form, errors, UNPROCESSABLE)
    return see_other(f"{folder}/{page_request.form['name'].strip()}")


def _page(
    page_request: PageRequest, form: Form, values: Mapping[str, str], errors: Errors, status: int = 200
) -> Response:
    return page_request.page(
        "form.html",
        status,
        form=form,
        values=values,
        errors=errors,
        whole=WHOLE,
        suggestions=_completed(page_request) if form is PACKAGING else [],
        devices=_devices(page_request),
    )


def _completed(page_request: PageRequest) -> list[str]:
    """Compilation jobs that can be packaged, the newest first."""
    found = page_request.api.ask("ListCompilationJobs", StatusEquals="COMPLETED", MaxResults=SUGGESTED)
    return [job["CompilationJobName"] for job in found["CompilationJobSummaries"]] if found else []


def _devices(page_request: PageRequest) -> tuple[str, ...]:
    operation = page_request.api.operation("CreateCompilationJob")
    assert operation.input is not None
    output = operation.input.members["OutputConfig"].shape
    return output.members["TargetDevice"].shape.enum or ()


def _from_job(page_request: PageRequest) -> dict[str, str]:
    name = page_request.query.get("from")
    if not name:
        return {}
    try:
        job = page_request.api.packaging_job(name)
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
        TAGS.name: _tag_lines(page_request, job.key.arn),
    }


def _from_compilation(page_request: PageRequest) -> dict[str, str]:
    name = page_request.query.get("from")
    if not name:
        return {}
    try:
        job = page_request.api.compilation_job(name)
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
        TAGS.name: _tag_lines(page_request, job.key.arn),
    }


def _tag_lines(page_request: PageRequest, arn: str) -> str:
    found = page_request.api.ask("ListTags", ResourceArn=arn, MaxResults=50)
    return "\n".join(f"{tag['Key']}={tag['Value']}" for tag in found["Tags"]) if found else ""
