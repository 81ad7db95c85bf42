"""Client tokens: what a request was answered with, for as long as AWS remembers it.

A token that comes again with the same request gets the first answer, whatever has become of the component since; with
another request it is refused. The row is written in the transaction that makes the component: neither is without the
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, select, tuple_

from edgewright.arns import ComponentArn
from edgewright.database.clock import from_milliseconds, milliseconds
from edgewright.database.dialects import insert_into
from edgewright.errors import ClientTokenUsed
from edgewright.greengrass.tables import client_tokens

REMEMBERED: Final = timedelta(hours=8)
"""As Greengrass's API reference has it."""

_KEY: Final = (client_tokens.c.account, client_tokens.c.region, client_tokens.c.token)


@dataclass(frozen=True, slots=True)
class ClientToken:
    """A token, and the request that it came with.

    Attributes:
        account, region: whose, and where: the same token of another caller is another one.
        token: as the caller gave it.
        request: a digest of all that was asked for.
    """

    account: str
    region: str
    token: str
    request: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a creation is answered with.

    Attributes:
        key: the component version.
        created_at: UTC with milliseconds.
    """

    key: ComponentArn
    created_at: datetime


def find(connection: Connection, token: ClientToken, now: datetime) -> Receipt | None:
    """What the token was answered with in the last eight hours, if it was.

    Raises:
        ClientTokenUsed: it came with another request.
    """
    columns = (client_tokens.c[name] for name in ("request", "name", "version", "created_at"))
    held = connection.execute(select(*columns).where(_is(token), ~_forgotten(now))).first()
    if held is None:
        return None
    key = ComponentArn(token.account, token.region, held.name, held.version)
    if held.request != token.request:
        raise ClientTokenUsed(
            f"The client token {token.token} came with another request before, which made {key}. Give each request a "
            "token of its own.",
            str(key),
        )
    return Receipt(key, from_milliseconds(held.created_at))


def claim(connection: Connection, token: ClientToken, receipt: Receipt) -> Receipt | None:
    """Write down what a token is answered with; what it was answered with already, if it was.

    A claim of the same token by another transaction is waited for.

    Raises:
        ClientTokenUsed: it came with another request.
    """
    row: dict[str, Any] = {name: getattr(token, name) for name in ("account", "region", "token", "request")}
    row |= {"name": receipt.key.name, "version": receipt.key.version, "created_at": milliseconds(receipt.created_at)}
    insert = insert_into(client_tokens, connection).values(row)
    insert = insert.on_conflict_do_update(index_elements=_KEY, set_=row, where=_forgotten(receipt.created_at))
    if connection.execute(insert.returning(client_tokens.c.token)).first() is not None:
        return None
    return find(connection, token, receipt.created_at)


def forget(connection: Connection, now: datetime) -> None:
    """Remove what is no longer remembered; rows that another process is about to remove are left to it."""
    old = select(*_KEY).where(_forgotten(now)).with_for_update(skip_locked=True)
    connection.execute(delete(client_tokens).where(tuple_(*_KEY).in_(old)))


def _is(token: ClientToken) -> ColumnElement[bool]:
    return and_(*(client_tokens.c[name] == getattr(token, name) for name in ("account", "region", "token")))


def _forgotten(now: datetime) -> ColumnElement[bool]:
    return client_tokens.c.created_at <= milliseconds(now - REMEMBERED)
