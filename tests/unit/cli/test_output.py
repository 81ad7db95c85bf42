"""What commands print into a pipe."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from edgewright import cli
from edgewright.cli import output
from edgewright.errors import ServiceRefused

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def test_json_holds_times_in_iso_8601(capsys: pytest.CaptureFixture[str]) -> None:
    output.as_json({"at": MOMENT, "name": "é"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"at": "2026-01-02T03:04:05.678+00:00", "name": "é"}
    assert "é" in printed


def test_json_refuses_what_has_no_form() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        output.as_json(object())


def test_rows_in_a_pipe_are_tab_separated_and_untitled(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows(("A", "B"), [("1", "2"), ("3", "4")])
    assert capsys.readouterr().out == "1\t2\n3\t4\n"


def test_members_stand_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.members({"Name": "x", "Created": MOMENT, "Config": {"a": 1}})
    assert capsys.readouterr().out == ('Name     x\nCreated  2026-01-02T03:04:05.678+00:00\nConfig   {"a": 1}\n')


def test_nothing_that_a_service_tells_moves_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    told = "ClientError: \x1b[2J\x9b2Jgröße\r\n"
    output.members({"FailureReason": told, "Log": {"text": told}})
    output.rows(("A",), [(told,)])
    printed = capsys.readouterr().out
    assert "größe" in printed
    assert set(printed) & set("\x1b\x9b\r") == set()
    assert len(printed.splitlines()) == 3


def test_an_error_that_quotes_a_service_moves_no_cursor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise ServiceRefused("ValidationException: \x1b[2J\nsecond line")

    monkeypatch.setattr(cli, "_command", lambda: refused)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "edgewright: ValidationException: \\x1b[2J\nsecond line\n"


def test_progress_in_a_pipe_is_plain_lines_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "PLAIN_SECONDS", 0.0)
    with output.progress("packaging", 4 * output.MIB) as report:
        report(2 * output.MIB)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("packaging: 2 of 4 MiB, ")
    assert captured.err.endswith(" MiB/s\n")
