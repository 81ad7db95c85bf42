"""Values as people read them: sizes, times, and names that cannot lie about themselves. Pure."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime
from typing import Any

from edgewright import strict_json

UNITS = ("bytes", "kB", "MB", "GB", "TB")
THOUSAND = 1000
MINUTE, HOUR, DAY = 60, 3600, 86_400
SPAN = 2
"""Units in which a duration is shown, at most."""
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Characters that show nothing, or turn what stands around them, such as right-to-left marks."""


def size(count: float) -> str:
    """Bytes in the unit that leaves one to three digits before the point."""
    unit = 0
    while count >= THOUSAND and unit < len(UNITS) - 1:
        count, unit = count / THOUSAND, unit + 1
    return f"{count:.0f} {UNITS[unit]}" if unit == 0 or count >= 100 else f"{count:.1f} {UNITS[unit]}"


def duration(seconds: float) -> str:
    """Seconds in days, hours, minutes and seconds: the two largest of them."""
    whole = max(0, round(seconds))
    if whole == 0:
        return "under 1 s"
    parts: list[str] = []
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        amount, whole = divmod(whole, length)
        if amount or parts:
            parts.append(f"{amount} {unit}")
    return " ".join(part for part in parts[:SPAN] if not part.startswith("0 "))


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, to one unit."""
    seconds = (now - moment).total_seconds()
    if seconds < 1:
        return "just now"
    for length, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit} ago"
    raise AssertionError  # one second is the last unit


def stamp(moment: datetime) -> str:
    """A time in UTC to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def visible(text: object) -> str:
    """A text in which every character that shows nothing, or turns others around, is written as its number."""
    return "".join(_escaped(each) if unicodedata.category(each) in HIDDEN else each for each in str(text))


def paragraph(text: object) -> str:
    """As `visible`, but lines stay lines."""
    return "\n".join(visible(line) for line in str(text).splitlines())


def pretty(value: Any) -> str:
    """A member of a response: a text as it is, anything else as JSON on lines of its own."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return str(value)


def document(text: str | bytes) -> str:
    """A strict JSON text with line breaks; any other text as it is."""
    try:
        return json.dumps(strict_json.parse(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text.decode(errors="replace") if isinstance(text, bytes) else text


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
