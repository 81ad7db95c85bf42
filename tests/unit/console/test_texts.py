from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from edgewright.console import texts

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (152_034, "152 kB"),
        (10_621_815, "10.6 MB"),
        (3e15, "3000 TB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert texts.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "under 1 s"),
        (0.2, "under 1 s"),
        (1, "1 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert texts.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "just now"), (1, "1 s ago"), (3599, "59 min ago"), (172_800, "2 d ago")]
)
def test_how_long_ago(seconds: int, text: str) -> None:
    assert texts.ago(NOON, NOON + timedelta(seconds=seconds)) == text


def test_stamps_are_in_utc() -> None:
    assert texts.stamp(NOON.astimezone(timezone(timedelta(hours=5)))) == "2026-03-04 12:00:00 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größe 模型 🙂.bin", "größe 模型 🙂.bin"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("a\x00b\nc\x1b[31m", "a\\u0000b\\u000ac\\u001b[31m"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_characters_that_show_nothing_are_written_as_numbers(text: str, shown: str) -> None:
    assert texts.visible(text) == shown


def test_a_paragraph_keeps_its_lines() -> None:
    assert texts.paragraph("one\ntwo\u202e\r\nthree") == "one\ntwo\\u202e\nthree"


def test_documents_are_laid_out_and_other_texts_left() -> None:
    assert texts.document(b'{"a":1}') == '{\n  "a": 1\n}'
    assert texts.document("not json") == "not json"
    assert texts.document("[" * 5000) == "[" * 5000
    assert texts.document(b"\xff") == "\ufffd"


def test_members_are_told_as_text() -> None:
    assert texts.pretty(NOON) == "2026-03-04 12:00:00 UTC"
    assert texts.pretty({"a": NOON}) == '{\n  "a": "2026-03-04 12:00:00+00:00"\n}'
    assert texts.pretty(7) == "7"
