"""The pages of compilation jobs: the listing, one job, and its Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright import strict_json
from edgewright.console.filters import filters
from edgewright.console.job_pages import POLL_ENDED, STOPPABLE, calls, moving
from edgewright.console.rendering import see_other
from edgewright.jobs import ENDED, CompilationJob, Status

if TYPE_CHECKING:
    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest

PATH = "/console/compilations"
SORTS = ("CreationTime", "Name", "Status")


def listing(page_request: PageRequest) -> Response:
    """`GET /console/compilations`: one page of jobs; its rows alone where the script asks for them."""
    asked = filters(PATH, {name: value for name, value in page_request.query.items() if name != "model"}, SORTS)
    found = page_request.api.call("ListCompilationJobs", **asked.request())
    template = "compilations_rows.html" if page_request.fragment else "compilations.html"
    rows = found["CompilationJobSummaries"]
    return page_request.page(template, filters=asked, jobs=rows, token=found.get("NextToken"), statuses=list(Status))


def job(page_request: PageRequest) -> Response:
    """`GET /console/compilations/<name>`: one job; what moves of it alone where the script asks for that."""
    name = page_request.place["name"]
    described = page_request.api.call("DescribeCompilationJob", CompilationJobName=name)
    row = page_request.api.compilation_job(name)
    names = moving(page_request, row) | {"job": row, "stoppable": row.status in STOPPABLE}
    if page_request.fragment:
        return page_request.page("job_live.html", headers=POLL_ENDED if row.status in ENDED else {}, **names)
    report = page_request.api.report(row.key)
    tags = page_request.api.ask("ListTags", ResourceArn=row.key.arn, MaxResults=50)
    made = (("CreateCompilationJob", request(row)), ("DescribeCompilationJob", {"CompilationJobName": name}))
    return page_request.page(
        "compilation.html",
        **names,
        described=described,
        report=report,
        inputs=_inputs(row, report),
        tags=None if tags is None else tags["Tags"],
        calls=calls(page_request, made),
    )


def stop(page_request: PageRequest) -> Response:
    """`POST /console/compilations/<name>/stop`: ask the job to end."""
    name = page_request.place["name"]
    page_request.api.call("StopCompilationJob", CompilationJobName=name)
    return see_other(f"{PATH}/{name}")


def _inputs(row: CompilationJob, report: dict[str, Any]) -> list[dict[str, Any]]:
    """The model's inputs: those that the compiler found, else those that the request names."""
    if report.get("inputs"):
        found: list[dict[str, Any]] = report["inputs"]
        return found
    try:
        given = strict_json.parse(row.input_config.get("DataInputConfig") or row.derived_data_input_config or "{}")
    except ValueError:
        return []
    if not isinstance(given, dict):
        return []
    return [{"name": name, "shape": shape, "type": ""} for name, shape in given.items()]


def request(row: CompilationJob) -> dict[str, Any]:
    """The request that made a job, without its tags."""
    return {
        "CompilationJobName": row.key.name,
        "RoleArn": row.role_arn,
        "InputConfig": dict(row.input_config),
        "OutputConfig": dict(row.output_config),
        "StoppingCondition": dict(row.stopping_condition),
    }
