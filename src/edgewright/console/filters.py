"""One page of a listing: the address's query as an operation's request, and the links that change it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from edgewright.errors import ValidationFault

SIZES = (25, 50, 100)
SEPARATOR = "~"
"""Between the tokens of earlier pages; base64url has no such character."""
MOST_EARLIER = 60
"""Earlier pages that an address remembers."""
ASCENDING, DESCENDING = "Ascending", "Descending"


@dataclass(frozen=True, slots=True)
class Filters:
    """What an address asks for.

    Attributes:
        query: as given, without what is empty.
        sorts: the columns that may be sorted by, the first of them by default.
    """

    path: str
    query: Mapping[str, str]
    sorts: tuple[str, ...]

    @property
    def sort(self) -> str:
        """The column that is sorted by."""
        chosen = self.query.get("sort", "")
        return chosen if chosen in self.sorts else self.sorts[0]

    @property
    def order(self) -> str:
        """`Ascending` or `Descending`."""
        return ASCENDING if self.query.get("order") == ASCENDING else DESCENDING

    @property
    def size(self) -> int:
        """Rows of a page."""
        chosen = self.query.get("size", "")
        return int(chosen) if chosen in map(str, SIZES) else SIZES[0]

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered out."""
        return any(self.query.get(name) for name in ("q", "model", "status", "from", "to"))

    def request(self) -> dict[str, Any]:
        """The members of a List operation's request.

        Raises:
            ValidationFault: a date that is none.
        """
        asked = {
            "NameContains": self.query.get("q"),
            "ModelNameContains": self.query.get("model"),
            "StatusEquals": self.query.get("status"),
            "CreationTimeAfter": _day(self.query.get("from"), -timedelta(milliseconds=1)),
            "CreationTimeBefore": _day(self.query.get("to"), timedelta(days=1)),
            "NextToken": self.query.get("after"),
            "SortBy": self.sort,
            "SortOrder": self.order,
            "MaxResults": self.size,
        }
        return {name: value for name, value in asked.items() if value}

    def link(self, **changes: str | None) -> str:
        """This address with some parts changed, or left out where they are None."""
        merged = {name: value for name, value in (dict(self.query) | changes).items() if value}
        return f"{self.path}?{urlencode(merged)}" if merged else self.path

    def sorted_by(self, column: str) -> str:
        """The address that sorts by a column: the other way round where it does already."""
        order = ASCENDING if self.sort == column and self.order == DESCENDING else DESCENDING
        return self.link(sort=column, order=order, after=None, trail=None)

    def next(self, token: str) -> str:
        """The address of the page behind this one; it remembers this one."""
        earlier = [*self._earlier, self.query.get("after", "")][-MOST_EARLIER:]
        return self.link(after=token, trail=SEPARATOR.join(earlier) or SEPARATOR)

    @property
    def previous(self) -> str | None:
        """The address of the page before this one; None on the first, or where it is not remembered."""
        if "after" not in self.query or "trail" not in self.query:
            return None
        earlier = self._earlier
        last = earlier[-1] if earlier else ""
        return self.link(after=last or None, trail=(SEPARATOR.join(earlier[:-1]) or SEPARATOR) if last else None)

    @property
    def number(self) -> int:
        """Which page this is, counted from 1."""
        return len(self._earlier) + 1 if "after" in self.query else 1

    @property
    def _earlier(self) -> list[str]:
        """The tokens of the pages before this one; the first page's is empty."""
        trail = self.query.get("trail", "")
        return [""] if trail == SEPARATOR else trail.split(SEPARATOR) if trail else []


def filters(path: str, query: Mapping[str, str], sorts: tuple[str, ...]) -> Filters:
    """The filters of an address."""
    return Filters(path, {name: value for name, value in query.items() if value}, sorts)


def _day(text: str | None, shift: timedelta) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + shift
    except (ValueError, OverflowError) as error:
        raise ValidationFault(f"'{text}' is not a day. Write it as 2026-03-04.") from error
