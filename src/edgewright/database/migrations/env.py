"""Alembic's environment: migrations run on the connection, and in the transaction, that `connections.migrate` gives."""

from __future__ import annotations

from alembic import context

from edgewright.database.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
