"""Between jobs and rows: times to integers, mappings to JSON text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from edgewright.database.clock import from_milliseconds, milliseconds, seconds
from edgewright.jobs.kinds import KINDS
from edgewright.jobs.states import Status

if TYPE_CHECKING:
    from edgewright.jobs.job import Job, Kind

KEY_COLUMNS = ("account", "region", "name")
UNLISTED = frozenset({"model_signature"})
"""Columns that listings leave out."""

Codec = Callable[[Any], Any]


def _from_seconds(value: int) -> datetime:
    return datetime.fromtimestamp(value, UTC)


def _to_json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()


_JSON: tuple[Codec, Codec] = (_to_json, orjson.loads)
_TIME: tuple[Codec, Codec] = (seconds, _from_seconds)

_CODECS: Mapping[str, tuple[Codec, Codec]] = {
    "status": (str, {str(status): status for status in Status}.__getitem__),
    **dict.fromkeys(("created_at", "modified_at", "written_at"), (milliseconds, from_milliseconds)),
    **dict.fromkeys(("started_at", "ended_at"), _TIME),
    **dict.fromkeys(("input_config", "output_config", "stopping_condition", "vpc_config", "preset_output"), _JSON),
}

COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(entry.job_class) if field.name != "key") for kind, entry in KINDS.items()
}
"""The columns of a job beside its key."""

DECODERS: Mapping[str, Codec] = {name: codec[1] for name, codec in _CODECS.items()}
"""What makes a member of a column's value, where they differ; None stays None."""


def encode(values: Mapping[str, Any]) -> dict[str, Any]:
    """Column values of a job's members; None stays None."""
    return {
        name: _CODECS[name][0](value) if name in _CODECS and value is not None else value
        for name, value in values.items()
    }


def to_row(job: Job) -> dict[str, Any]:
    """All column values of a job, its key's among them."""
    row = {name: getattr(job.key, name) for name in KEY_COLUMNS}
    row |= encode({name: getattr(job, name) for name in COLUMNS[job.key.kind]})
    return row | modified(row.pop("modified_at"))


def modified(at: Any) -> dict[str, Any]:
    """What is written for `modified_at`, in milliseconds, a number or an expression: it is worked out when read."""
    return {"modified_ms": at, "modified_seconds": at // 1000}
