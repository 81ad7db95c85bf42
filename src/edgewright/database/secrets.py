"""Secrets that all processes on one database share, such as the key that seals NextToken."""

from __future__ import annotations

import secrets as random_secrets
from typing import TYPE_CHECKING

from sqlalchemy import select

from edgewright.database.connections import reaching_database
from edgewright.database.dialects import insert_into
from edgewright.database.schema import secrets

if TYPE_CHECKING:
    from sqlalchemy import Engine

SECRET_BYTES = 32


def secret(engine: Engine, name: str) -> bytes:
    """32 random bytes, made at first use: the same for every process on this database, whatever its version.

    Raises:
        DatabaseUnavailable: the database cannot be used.
    """
    first = insert_into(secrets, engine).on_conflict_do_nothing()
    with reaching_database(), engine.begin() as connection:
        connection.execute(first, {"name": name, "value": random_secrets.token_bytes(SECRET_BYTES)})
        return bytes(connection.execute(select(secrets.c.value).where(secrets.c.name == name)).scalar_one())
