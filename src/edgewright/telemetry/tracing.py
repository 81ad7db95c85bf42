"""Traces: spans of requests, jobs and their steps, sent where OpenTelemetry's own environment says.

Nothing is loaded, and nothing costs anything, unless `OTEL_EXPORTER_OTLP_ENDPOINT` (or its `_TRACES_` form) is set. The
libraries are the extra `otel`. A trace goes on from process to process in a W3C `traceparent`: into the server in the
caller's header, to the worker in the job's entry in the queue.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "edgewright"
FAILED = "FAILED"

log = structlog.get_logger(__name__)


class Tracing:
    """Makes spans. One for a process, which is off until `begin`."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    @property
    def on(self) -> bool:
        """Whether spans are made."""
        return self._tracer is not None

    def begin(self, role: str, environment: Mapping[str, str] = os.environ) -> None:
        """Make spans from here on, if the environment wants them.

        Args:
            role: what this process is: `server` or `worker`.
            environment: OpenTelemetry's variables, which its own libraries read as well.
        """
        if not wanted(environment):
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            log.warning("traces are wanted, and their libraries are missing: install edgewright[otel]")
            return
        attributes = {"edgewright.role": role}
        if "OTEL_SERVICE_NAME" not in environment:
            attributes["service.name"] = SERVICE
        self._provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(SERVICE)

    def end(self) -> None:
        """Send what is left, and make no more spans."""
        if self._provider is not None:
            self._provider.shutdown()
        self._provider = self._tracer = None

    @contextmanager
    def span(self, name: str, kind: str = "INTERNAL", parent: str | None = None, **attributes: Any) -> Iterator[Any]:
        """A span around the block; None where traces are off.

        Args:
            name: what is done.
            kind: the name of OpenTelemetry's SpanKind.
            parent: a `traceparent` that the trace goes on from; else the span around this one.
            attributes: with underscores for dots, such as `job_arn`.
        """
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind

        named = {name.replace("_", "."): value for name, value in attributes.items()}
        context = None if parent is None else _extracted(parent)
        with self._tracer.start_as_current_span(name, context, SpanKind[kind], named) as span:
            yield span

    def carrier(self) -> str | None:
        """The present span as a `traceparent`, for another process to go on from; None where there is none."""
        if self._tracer is None:
            return None
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carried: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carried)
        return carried.get("traceparent")

    def stepping(
        self, step: Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]
    ) -> Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]:
        """The same way to run a job's steps, with a span around each."""

        def traced(name: str, work: Callable[[], dict[str, Any]], /) -> dict[str, Any]:
            with self.span(name) as span:
                result = step(name, work)
                if span is not None:
                    _set_status(span, result)
                return result

        return traced


tracing = Tracing()
"""This process's. OpenTelemetry keeps one for a process as well: a span must be found from wherever it is in use."""


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables ask for traces."""
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not off and any(environment.get(name) for name in ENDPOINTS)


def _extracted(parent: str) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def _set_status(span: Span, result: Mapping[str, Any]) -> None:
    """What became of a step."""
    from opentelemetry.trace import StatusCode

    status = result.get("status", result.get("Status"))
    if status is not None:
        span.set_attribute("job.status", str(status))
    if status == FAILED:
        span.set_status(StatusCode.ERROR, str(result.get("message", result.get("StatusMessage", ""))))
