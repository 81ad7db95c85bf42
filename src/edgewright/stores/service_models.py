"""AWS's models of its services, as botocore brings them: read once, whatever number of sessions there are."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.loaders import Loader, create_loader
from botocore.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable


class ServiceModels(Loader):  # type: ignore[misc]  # botocore has no types
    """Finds and keeps service models."""

    @property
    def search_paths(self) -> list[str]:
        """Where they are looked for: a copy, because each session of boto3's adds a folder that is not needed here."""
        return list(super().search_paths)


def session_with(prepare: Callable[[Session], None] = lambda _: None, /, **options: str | None) -> Any:
    """A boto3 session that shares the models: one of its own would take 60 ms of processor time to read S3's again.

    Args:
        prepare: changes botocore's session before it is used.
        options: of `boto3.Session`.

    Raises:
        BotoCoreError: the profile is not known.
    """
    session = Session(profile=options.get("profile_name"))
    session.register_component("data_loader", _models(session.get_config_variable("data_path")))
    prepare(session)
    return boto3.Session(botocore_session=session, **options)


@cache
def _models(folders: str | None) -> ServiceModels:
    """The models of botocore and of AWS_DATA_PATH's folders."""
    found = create_loader(folders).search_paths
    return ServiceModels(extra_search_paths=found, include_default_search_paths=False)
