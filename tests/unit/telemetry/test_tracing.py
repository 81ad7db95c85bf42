"""When spans are made, and when they cost nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgewright.telemetry.tracing import Tracing, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "answer"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_environment_says_whether_traces_are_wanted(environment: dict[str, str], *, answer: bool) -> None:
    assert wanted(environment) is answer


def test_without_traces_a_span_is_nothing_and_steps_are_what_they_were() -> None:
    tracing = Tracing()
    tracing.begin("server", {})
    assert not tracing.on
    with tracing.span("job", "CONSUMER", job_arn="arn") as span:
        assert span is None
        assert tracing.carrier() is None
    assert tracing.stepping(lambda name, work: work() | {"name": name})("package", lambda: {"a": 1}) == {
        "a": 1,
        "name": "package",
    }
    tracing.end()


def test_nothing_of_opentelemetry_is_loaded_where_nobody_wants_it() -> None:
    program = (
        "import sys; import edgewright.server, edgewright.service\n"
        "from edgewright.telemetry.tracing import tracing\n"
        "tracing.begin('server', {})\n"
        "with tracing.span('job'): tracing.carrier()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = [name for name in done.stdout.strip("[]\n").replace("'", "").split(", ") if name]
    assert not [name for name in loaded if "sdk" in name or "exporter" in name], loaded
