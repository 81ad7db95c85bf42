"""Connections to PostgreSQL that are given up when the server does not answer.

A refused connection is an error at once. But a server that is there and does not answer, as a machine that is paused or
cut off, would keep its clients waiting until the kernel gives up, a quarter of an hour later or never. Here a statement
that has no answer in time ends its connection, and raises. The pool checks each connection before it gives it out
(SQLAlchemy's `pool_pre_ping`), and replaces one that is gone.

After a failover a connection may be on a server that only reads. None is made to one unless the URL asks for it, and
the first write that a server refuses as read-only has the pool replace all that it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.abc import PQGen
    from sqlalchemy.engine import ExceptionContext

T = TypeVar("T")

CONNECT_SECONDS = 5
"""How long a new connection may take."""
ANSWER_SECONDS = 10.0
"""How long a statement may take; every one of ours is small."""
STATEMENT_SECONDS = 9
"""How long the server goes on with a statement: it is over before its client gives up, and with it what it holds."""
IDLE_SECONDS = 10
"""How long the server keeps a transaction whose client says nothing: one that was paused would else hold its locks."""


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection that ends when the server does not answer.

    Attributes:
        timeout_seconds: seconds that a statement may take; None for as long as it takes, as a migration may.
    """

    timeout_seconds: float | None = ANSWER_SECONDS

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """See `psycopg.Connection.wait`, through which all waiting for the server goes."""
        try:
            return super().wait(gen, interval, self.timeout_seconds if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if timeout is not None or self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()  # what the server may still send would be taken for the next statement's answer
            raise psycopg.OperationalError(
                f"the server has not answered for {self.timeout_seconds:g} seconds"
            ) from error


def connect(arguments: Sequence[Any], options: dict[str, Any]) -> DeadlineConnection:
    """A connection, of what psycopg's own `connect` takes.

    The server ends a statement that takes too long, and a transaction that its client leaves idle.
    """
    usual: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "target_session_attrs": "read-write"}
    connection = DeadlineConnection.connect(*arguments, **(usual | options))
    try:
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        connection.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def listen(engine: Engine) -> None:
    """Have an engine's pool make such connections."""
    event.listen(engine, "do_connect", lambda _dialect, _record, arguments, options: connect(arguments, options))
    event.listen(engine, "handle_error", _leave_a_server_that_only_reads)


def _leave_a_server_that_only_reads(context: ExceptionContext) -> None:
    if isinstance(context.original_exception, psycopg.errors.ReadOnlySqlTransaction):
        context.is_disconnect = True
