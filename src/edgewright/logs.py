"""Logs: structlog on standard error, for people or as JSON lines.

A line that is written while a request is answered, or a job done, says which one: `REQUEST_ID` and `JOB` hold it.
What looks like a secret is redacted out of every line, should one ever come so far.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The request that is being answered, by the id that its answer carries."""
JOB: ContextVar[str | None] = ContextVar("job", default=None)
"""The ARN of the job that is being done."""
ADDRESS: ContextVar[str | None] = ContextVar("address", default=None)
"""Where the request that is being answered comes from; the audit log has it."""

REDACTED = "[hidden]"
_SECRET = re.compile(
    r"(?i)(?P<name>"
    r"(?:x-amz-(?:signature|security-token|credential)|signature|authorization|(?:session|security|bearer)[-_]?token"
    r"|secret(?:[-_]?access[-_]?key)?|password)"
    r"[\"']?\s*[=:]\s*[\"']?(?:bearer\s+|aws4-hmac-sha256\s+)?)"
    r"[^\s\"'&,;}]+"
)
# Bounded, and begun only where a word begins: a long line must not take time that grows with its square.
_URL_PASSWORD = re.compile(
    r"(?<![a-z0-9+.-])(?P<name>[a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,255}:)[^\s/@]{1,1024}(?=@)", re.IGNORECASE
)
_WEBHOOK_KEY = re.compile(r"(?P<name>whsec_)[A-Za-z0-9+/=]+")

EventDict = MutableMapping[str, Any]


def configure(log_format: str, level: int | str = logging.INFO) -> None:
    """Send structlog and the standard library's loggers to standard error.

    Args:
        log_format: `console` for people, `json` for machines.
        level: the lowest level that is written, as a number or as `Settings.log_level` names it.
    """
    lowest = logging.getLevelNamesMapping()[level.upper()] if isinstance(level, str) else level
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _say_whose,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderers: list[structlog.typing.Processor] = [
            structlog.processors.ExceptionRenderer(traceback),
            redact,
            structlog.processors.JSONRenderer(),
        ]
    else:
        # A traceback with local variables would show secrets; as text it can be redacted like everything else.
        plain = structlog.processors.format_exc_info
        renderers = [plain, redact, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    foreign = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(foreign)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(lowest, logging.WARNING))  # libraries speak only when something is wrong


class Unfailing:
    """A stream that loses text rather than fail its writer.

    Where the log lies on a disk that is full, requests and jobs go on, and an honest error stays the one it was. What
    the stream below still holds is written once there is room.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written; always as long as the text."""
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with suppress(OSError):
            self._stream.flush()


def redact(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Redact what looks like a secret, in the texts of a line; nested ones too."""
    return {name: _redacted(value) for name, value in line.items()}


def _say_whose(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Add the request and the job that the line belongs to."""
    for name, held in (("request_id", REQUEST_ID.get()), ("job", JOB.get())):
        if held is not None:
            line.setdefault(name, held)
    return line


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        for pattern in (_SECRET, _URL_PASSWORD, _WEBHOOK_KEY):
            value = pattern.sub(rf"\g<name>{REDACTED}", value)
        return value
    if isinstance(value, dict):
        return {name: _redacted(held) for name, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(held) for held in value]
    return value
