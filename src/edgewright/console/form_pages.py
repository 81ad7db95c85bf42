"""The pages with forms that make jobs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from edgewright.console import compilation_pages, job_pages
from edgewright.console.forms import COMPILATION, PACKAGING, TAGS, WHOLE, Errors, Form
from edgewright.console.rendering import see_other
from edgewright.errors import CallerError, ResourceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest
    from edgewright.operations.access import Request

SUGGESTED = 50
UNPROCESSABLE = 422


def new_job(page_request: PageRequest) -> Response:
    """`GET` and `POST /console/new-job`; `?from=<name>` takes over what an earlier job was asked for."""
    return _form(page_request, PACKAGING, job_pages.PATH, _packaging_request)


def new_compilation(page_request: PageRequest) -> Response:
    """`GET` and `POST /console/new-compilation`; `?from=<name>` takes over what an earlier job was asked for."""
    return _form(page_request, COMPILATION, compilation_pages.PATH, _compilation_request)


def _form(
    page_request: PageRequest, form: Form, folder: str, request_of: Callable[[PageRequest, str], tuple[str, Request]]
) -> Response:
    if not page_request.form:
        role, earlier = {"role": f"arn:aws:iam::{page_request.principal.account}:role/edge"}, {}
        if name := page_request.query.get("from"):
            with suppress(ResourceNotFound):
                arn, request = request_of(page_request, name)
                earlier = form.filled(request) | {form.fields[0].name: "", TAGS.name: _tag_lines(page_request, arn)}
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


def _packaging_request(page_request: PageRequest, name: str) -> tuple[str, Request]:
    job = page_request.api.packaging_job(name)
    return job.key.arn, job_pages.request(job)


def _compilation_request(page_request: PageRequest, name: str) -> tuple[str, Request]:
    job = page_request.api.compilation_job(name)
    return job.key.arn, compilation_pages.request(job)


def _tag_lines(page_request: PageRequest, arn: str) -> str:
    found = page_request.api.ask("ListTags", ResourceArn=arn, MaxResults=50)
    return "\n".join(f"{tag['Key']}={tag['Value']}" for tag in found["Tags"]) if found else ""
