"""The ways of publishing components: to AWS, and into a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edgewright.greengrass.publishing.aws import AwsPublisher

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.greengrass.publishing.protocols import Publisher
    from edgewright.settings import Settings

PUBLISHERS: Final[dict[str, Callable[[Settings], Publisher | None]]] = {
    "local": lambda _settings: None,
    "aws": AwsPublisher.of,
}
"""What each value of the setting `greengrass` publishes jobs' components with; None leaves them here."""


def open_publisher(settings: Settings) -> Publisher | None:
    """The publisher that the settings name; nothing is reached before its first use."""
    return PUBLISHERS[settings.greengrass](settings)
