"""Values in paths, queries and headers: read, written, refused."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import SerializationFault
from edgewright.protocol.model import Member, Shape
from edgewright.protocol.texts import IN_ADDRESS, IN_HEADER, join, quoted, split, text_reader, text_writer

MOMENT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


def shape(kind: str, **more: Any) -> Shape:
    return Shape(kind.title(), kind, {}, **more)


def read(text: str, of: Shape, times: str = IN_ADDRESS, **more: Any) -> Any:
    return text_reader(Member("m", "the-name", of, **more), of, times)(text)


def write(value: Any, of: Shape, times: str = IN_ADDRESS, **more: Any) -> str:
    return text_writer(Member("m", "the-name", of, **more), of, times)(value)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", " a,b ", " a,b "),
        ("integer", "-12", -12),
        ("long", "9223372036854775807", 2**63 - 1),
        ("double", "1.5", 1.5),
        ("float", "-Infinity", -math.inf),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("blob", "YQ==", b"a"),
        ("timestamp", "2026-01-31T12:00:00Z", MOMENT),
    ],
)
def test_a_value_is_read_and_written(kind: str, text: str, value: object) -> None:
    assert read(text, shape(kind)) == value
    assert write(value, shape(kind)) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"), ("integer", ""), ("integer", "1_000"), ("integer", "\u0661"), ("integer", "--1"),
        ("integer", "+1"), ("long", "x"), ("double", "infinity"), ("double", "1e999"), ("double", ""),
        ("boolean", "True"), ("boolean", "1"), ("blob", "@"), ("timestamp", "yesterday"), ("timestamp", "12"),
    ],
)  # fmt: skip
def test_text_of_another_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(SerializationFault):
        read(text, shape(kind))


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(SerializationFault, match="'ten' at 'the-name' is not of the type integer"):
        read("ten", shape("integer"))


def test_times_are_written_as_their_place_or_shape_wants() -> None:
    assert write(MOMENT, shape("timestamp"), IN_HEADER) == "Sat, 31 Jan 2026 12:00:00 GMT"
    assert read("Sat, 31 Jan 2026 12:00:00 GMT", shape("timestamp"), IN_HEADER) == MOMENT
    seconds = shape("timestamp", timestamp_format="unixTimestamp")
    assert write(MOMENT, seconds, IN_HEADER) == "1769860800"
    assert read("1769860800", seconds, IN_HEADER) == MOMENT
    with pytest.raises(SerializationFault):
        read("1e30", seconds)


def test_json_stands_in_headers_as_base64() -> None:
    assert read("eyJhIjpbMV19", shape("string"), IN_HEADER, json_value=True) == {"a": [1]}
    assert write({"a": [1]}, shape("string"), IN_HEADER, json_value=True) == "eyJhIjpbMV19"
    for bad in ("@", "YQ=="):
        with pytest.raises(SerializationFault):
            read(bad, shape("string"), IN_HEADER, json_value=True)


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=1))
def test_a_list_comes_out_of_its_header_as_it_went_in(elements: list[str]) -> None:
    assert split(join([quoted(element) for element in elements]), shape("string")) == elements


@pytest.mark.parametrize(
    ("header", "elements"),
    [
        ("", []),
        ("a", ["a"]),
        ("a , b,c", ["a", "b", "c"]),
        ("a,,b", ["a", "", "b"]),
        ('"a,b", "c\\"d"', ["a,b", 'c"d']),
        ('"never ended', ["never ended"]),
        ('"ends in a \\', ["ends in a "]),
    ],
)
def test_headers_of_others_are_split(header: str, elements: list[str]) -> None:
    assert split(header, shape("string")) == elements


def test_dates_keep_their_comma() -> None:
    date = "Sat, 31 Jan 2026 12:00:00 GMT"
    assert split(f"{date}, {date}", shape("timestamp")) == [date, date]
    assert split("1,2", shape("timestamp", timestamp_format="unixTimestamp")) == ["1", "2"]
