"""The table from the setting `greengrass` to what publishes jobs' components."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edgewright.arns import ComponentArn
from edgewright.greengrass.publishing import PUBLISHERS, open_publisher
from edgewright.greengrass.publishing.protocols import Fetch, Published
from edgewright.settings import Settings

if TYPE_CHECKING:
    import pytest


class Shelf:
    """A publisher as somebody may add one: it keeps recipes in memory."""

    def __init__(self) -> None:
        self.recipes: dict[str, bytes] = {}

    def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
        self.recipes[region] = recipe
        return Published(f"shelf:{region}", (), new=True)

    def withdraw(self, region: str, key: ComponentArn, job_arn: str, since: datetime) -> str | None:
        return None if self.recipes.pop(region, None) is None else f"shelf:{region}"


def test_a_way_of_publishing_is_added_by_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    monkeypatch.setitem(PUBLISHERS, "shelf", lambda _settings: shelf)
    publisher = open_publisher(Settings().model_copy(update={"greengrass": "shelf"}))
    assert publisher is not None
    assert publisher.publish("eu-west-1", b"{}", lambda _artifact: ()).arn == "shelf:eu-west-1"
    assert shelf.recipes == {"eu-west-1": b"{}"}
    key = ComponentArn("123456789012", "eu-west-1", "digits", "1.0.0")
    assert publisher.withdraw("eu-west-1", key, "arn", datetime.now(UTC)) == "shelf:eu-west-1"
