"""Jobs of both kinds, tags, secrets, workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UNFINISHED = "status IN ('INPROGRESS', 'STARTING', 'STOPPING')"


def upgrade() -> None:
    """Make every table."""
    _packaging_jobs()
    _compilation_jobs()
    for table in ("packaging_jobs", "compilation_jobs"):
        _indexes(table)
    _ordered("packaging_jobs", "model_name")
    _others()


def _key() -> list[sa.Column[str]]:
    return [sa.Column(name, NAME, nullable=False) for name in ("account", "region", "name")]


def _life() -> list[sa.Column]:  # type: ignore[type-arg] # columns of several types
    return [
        sa.Column("status", NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("modified_at", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("handed", sa.Boolean, nullable=False),
        sa.Column("handover", sa.Integer, nullable=False, server_default="0"),
        sa.Column("bytes_done", sa.BigInteger, nullable=False),
        sa.Column("bytes_total", sa.BigInteger),
        sa.Column("written_uri", sa.Text),
        sa.Column("role_arn", sa.Text, nullable=False),
    ]


def _packaging_jobs() -> None:
    op.create_table(
        "packaging_jobs",
        *_key(),
        *_life(),
        sa.Column("compilation_job_name", sa.Text, nullable=False),
        sa.Column("model_name", NAME, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("resource_key", sa.Text),
        sa.Column("status_message", sa.Text, nullable=False),
        sa.Column("source_uri", sa.Text, nullable=False),
        sa.Column("target", sa.Text),
        sa.Column("model_artifact", sa.Text),
        sa.Column("output_config", sa.Text, nullable=False),
        sa.Column("preset_output", sa.Text),
        sa.Column("model_signature", sa.Text),
        sa.PrimaryKeyConstraint("account", "region", "name"),
    )


def _compilation_jobs() -> None:
    op.create_table(
        "compilation_jobs",
        *_key(),
        *_life(),
        sa.Column("failure_reason", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("model_artifact", sa.Text),
        sa.Column("artifact_digest", sa.Text),
        sa.Column("model_package_version_arn", sa.Text),
        sa.Column("derived_data_input_config", sa.Text),
        sa.Column("input_config", sa.Text, nullable=False),
        sa.Column("output_config", sa.Text, nullable=False),
        sa.Column("stopping_condition", sa.Text, nullable=False),
        sa.Column("vpc_config", sa.Text),
        sa.PrimaryKeyConstraint("account", "region", "name"),
    )


def _indexes(table: str) -> None:
    _ordered(table, "created_at")
    _ordered(table, "modified_at")
    _ordered(table, "status", "created_at")
    _ordered(table, "status")
    handed = sa.column("handed", sa.Boolean) == sa.false()
    _partial(table, "unhanded", handed)
    _partial(table, "unfinished", sa.text(UNFINISHED))


def _ordered(table: str, *columns: str) -> None:
    op.create_index(f"{table}_by_{'_'.join(columns)}", table, ["account", "region", *columns, "name"])


def _partial(table: str, name: str, where: sa.ColumnElement[bool] | sa.TextClause) -> None:
    op.create_index(f"{table}_{name}", table, ["created_at"], sqlite_where=where, postgresql_where=where)


def _others() -> None:
    op.create_table(
        "tags",
        sa.Column("kind", NAME, nullable=False),
        *_key(),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "account", "region", "name", "key"),
    )
    op.create_table(
        "secrets",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
    )
