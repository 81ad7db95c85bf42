from __future__ import annotations

import pytest

from edgewright import strict_json


def test_what_is_strict_is_read() -> None:
    assert strict_json.parse('{"ü": [1, null], "b": {"ü": 1.5}}'.encode()) == {"ü": [1, None], "b": {"ü": 1.5}}
    assert strict_json.parse('"text"') == "text"
    assert strict_json.parse("[" * 64 + "]" * 64) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 1}', "'a' is given twice"),
        (b'{"a": 1, "\\u0061": 1}', "'a' is given twice"),
        ("NaN", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        (b'"\xff"', "utf-8"),
        ("", "Expecting value"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a": ' * 65 + "1" + "}" * 65, "nested too deeply: over 64 values"),
        ("[" * 65 + "]" * 65, "nested too deeply: over 64 values"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        strict_json.parse(text)
