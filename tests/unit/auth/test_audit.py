"""The audit log: a line for what changes something or is refused, and none for what is read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from edgewright.auth import audit
from edgewright.auth.dispatch import dispatch
from edgewright.auth.identity import Identity
from edgewright.auth.principals import Principal
from edgewright.errors import (
    AccessDenied,
    CallerError,
    DatabaseUnavailable,
    IncompleteSignature,
    ResourceNotFound,
    ValidationFault,
)
from edgewright.logs import ADDRESS
from edgewright.operations import HANDLERS
from edgewright.protocol.signature import Request, by_name, read_signature
from unit.auth.test_dispatch import SERVICES, call, denied
from unit.operations.conftest import compilation, compiled, context, enqueued, packaging_request, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.operations import Context

__all__ = ["compiled", "context", "enqueued", "store"]
ARN = "arn:aws:sagemaker:eu-west-1:123456789012"
ANYTHING = Identity(Principal("AKIDADMIN", "s3cret", "123456789012", "admin"), "eu-west-1")


@pytest.fixture(autouse=True)
def address() -> Iterator[None]:
    token = ADDRESS.set("192.0.2.7")
    yield
    ADDRESS.reset(token)


def audited(who: Identity, context: Context, name: str, error: type[Exception] | None = None, **request: Any) -> Any:
    """The lines of one call."""
    with capture_logs() as lines:
        if error is None:
            call(who, context, name, **request)
        else:
            with pytest.raises(error):
                call(who, context, name, **request)
    return [line for line in lines if line.get("logger") == audit.NAME]


def test_what_changes_something_is_logged_with_all_that_it_touches(context: Context) -> None:
    context.jobs.insert(compilation("c"), {})
    for who in (ANYTHING, denied("other-*")):
        name = f"by-{who.principal.name}"
        (line,) = audited(who, context, "CreateEdgePackagingJob", **packaging_request(name, CompilationJobName="c"))
        assert line == {
            "event": "call",
            "log_level": "info",
            "logger": "edgewright.audit",
            "who": who.principal.arn,
            "access_key": who.principal.access_key_id,
            "action": "sagemaker:CreateEdgePackagingJob",
            "resources": [
                f"{ARN}:edge-packaging-job/{name}",
                f"{ARN}:compilation-job/c",
                "arn:aws:s3:::models/digits-1.0.tar.gz",
                "arn:aws:s3:::packages/digits-1.0.tar.gz",
            ],
            "address": "192.0.2.7",
            "result": "OK",
        }


@pytest.mark.parametrize("who", [ANYTHING, denied("other-*")], ids=["admin", "restricted"])
def test_what_reads_is_not_logged_unless_it_is_refused(context: Context, who: Identity) -> None:
    context.jobs.insert(compilation("c"), {})
    assert audited(who, context, "DescribeCompilationJob", CompilationJobName="c") == []
    assert audited(who, context, "ListCompilationJobs") == []
    (line,) = audited(who, context, "DescribeCompilationJob", ResourceNotFound, CompilationJobName="d")
    assert (line["result"], line["resources"]) == ("ResourceNotFound", [f"{ARN}:compilation-job/d"])


def test_a_denial_says_who_may_not_do_what(context: Context) -> None:
    (line,) = audited(denied("prod"), context, "StopCompilationJob", AccessDenied, CompilationJobName="prod")
    assert line["result"] == "AccessDeniedException"
    assert line["resources"] == [f"{ARN}:compilation-job/prod"]
    assert "not authorized to perform: sagemaker:StopCompilationJob" in line["reason"]
    assert line["who"] == "arn:aws:iam::123456789012:user/ci"


def test_what_a_caller_chooses_makes_no_long_line(context: Context) -> None:
    request = packaging_request("x" * 270_000)
    (line,) = audited(ANYTHING, context, "CreateEdgePackagingJob", ValidationFault, **request)
    assert len(json.dumps(line)) < 4000
    assert line["result"] == "ValidationException"


@pytest.mark.parametrize("sent", [b"AWS4-HMAC-SHA256 s3cret", b"AWS4-HMAC-SHA256 Credential=a, Signature s3cret"])
def test_what_was_sent_as_proof_is_not_in_it(sent: bytes) -> None:
    """The answer repeats a header that cannot be read, as AWS's does."""
    headers = ((b"host", b"edge"), (b"authorization", sent))
    request = Request("POST", b"/", b"", headers, b"")
    with pytest.raises(IncompleteSignature, match="s3cret") as refused:
        read_signature(request, by_name(headers))
    with capture_logs() as lines:
        audit.refused(refused.value, None, "POST /")
    assert [line["result"] for line in lines] == ["IncompleteSignatureException"]
    assert "s3cret" not in json.dumps(lines)


def test_an_error_of_ours_is_logged_where_something_was_to_change(context: Context) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise DatabaseUnavailable("the inside of the database")

    broken = type(context)(**{name: getattr(context, name) for name in context.__slots__} | {"jobs": Broken()})
    (line,) = audited(ANYTHING, broken, "StopCompilationJob", DatabaseUnavailable, CompilationJobName="c")
    assert line["result"] == "ServiceUnavailable"
    assert "inside" not in line["reason"]
    assert audited(ANYTHING, broken, "DescribeCompilationJob", DatabaseUnavailable, CompilationJobName="c") == []


def test_a_refusal_is_logged_once(context: Context) -> None:
    with capture_logs() as lines:
        with pytest.raises(CallerError) as refused:
            dispatch(
                denied("a"),
                context,
                SERVICES["sagemaker"].operations["StopCompilationJob"],
                {"CompilationJobName": "a"},
            )
        audit.refused(refused.value, None, "POST /")
        audit.refused(DatabaseUnavailable("ours"), None, "POST /")
    assert [line["action"] for line in lines] == ["sagemaker:StopCompilationJob"]


def test_which_operations_change_something() -> None:
    assert {handler.name for handler in HANDLERS if handler.changes} == {
        "AddTags",
        "CreateCompilationJob",
        "CreateComponentVersion",
        "CreateEdgePackagingJob",
        "DeleteCompilationJob",
        "DeleteComponent",
        "DeleteTags",
        "StopCompilationJob",
        "StopEdgePackagingJob",
        "TagResource",
        "UntagResource",
    }


PROGRAM = """
from edgewright.auth import audit
from edgewright.auth.principals import Principal
from edgewright.logs import ADDRESS, REQUEST_ID, configure
configure("json", "critical")
REQUEST_ID.set("r-1")
ADDRESS.set("192.0.2.7")
audit.done(Principal("AKID", "s3cret", "123456789012"), "edgewright:SignIn")
"""


def test_lines_are_kept_apart_by_their_name_and_written_whatever_the_level() -> None:
    written = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stderr
    (line,) = map(json.loads, written.splitlines())
    assert line.pop("timestamp")
    assert line == {
        "event": "call",
        "level": "info",
        "logger": "edgewright.audit",
        "who": "arn:aws:iam::123456789012:user/edgewright",
        "access_key": "AKID",
        "action": "edgewright:SignIn",
        "resources": [],
        "address": "192.0.2.7",
        "request_id": "r-1",
        "result": "OK",
    }
