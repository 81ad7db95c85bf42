"""The tables of uploads in parts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from edgewright.database.schema import Name, job_columns, metadata

uploads = Table(
    "uploads",
    metadata,
    Column("id", Name, primary_key=True),
    *job_columns(),
    Column("job_created_at", BigInteger, nullable=False),  # the job's own: a name can be used again
    Column("role_arn", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("kms_key_id", Text),
    Column("upload_id", Text),  # the object store's; none while one is being begun
    Column("strays", Integer, key="unconfirmed", nullable=False),  # uploads that were begun without an answer
    Column("begun_at", BigInteger, nullable=False),  # milliseconds by the database's clock
    Column("doomed", Boolean, key="abandoned", nullable=False),
)
Index("uploads_by_job", *(uploads.c[name] for name in ("kind", "account", "region", "name")))

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload", Name, nullable=False),
    Column("number", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    PrimaryKeyConstraint("upload", "number"),
)
