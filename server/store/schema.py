"""The tables, in types that SQLite and PostgreSQL share. Holds no query and no data.

Times are seconds since the epoch as doubles. JSON is kept as canonical text, digests in their written form.
"""

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table, Text

VERSION = 1
"""The schema this code reads and writes. A store with a higher one is refused."""

metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("call_id", String(64), nullable=False),
    Column("tenant", String(256), nullable=False),
    Column("principal", String(256), nullable=False),
    Column("session", String(64), nullable=False),
    Column("tool", String(64), nullable=False),
    Column("definition", String(80), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("digest", String(80), nullable=False),
    Column("forbids", Text, nullable=False),
    Column("labels", String(256), nullable=False),
    Column("level", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(256)),
    Column("decided_at", Double),
    Column("note", Text),
    Index("approvals_by_principal", "tenant", "principal", "state"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(256), nullable=False),
    Column("principal", String(256), nullable=False),
    Column("parent", String(64)),
    Column("user_request", Text),
    Column("labels", String(256), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    # Unique where it is set: a digest of tenant and subject for the one default session, NULL for minted ones.
    Column("default_of", String(80), unique=True),
    Index("sessions_by_principal", "tenant", "principal"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("subject", String(256), nullable=False),
    Column("scopes", String(256), nullable=False),
    Column("tenant", String(256), nullable=False),
    Column("session", String(64)),
    Column("profile", String(64)),
    Column("issued_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("revoked_at", Double),
    Column("hash", String(80), nullable=False),
)

tools = Table(
    "tools",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("module", String(80), nullable=False),
    Column("definition", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("registered_by", String(256), nullable=False),
    Column("registered_at", Double, nullable=False),
    Column("approved_by", String(256)),
    Column("approved_at", Double),
    Column("reason", Text),
    Index("tools_by_name", "name", "state"),
)

upstreams = Table(
    "upstreams",
    metadata,
    Column("name", String(31), primary_key=True),
    Column("entry", Text, nullable=False),
    Column("added_by", String(256), nullable=False),
    Column("added_at", Double, nullable=False),
)

pins = Table(
    "pins",
    metadata,
    Column("upstream", String(31), primary_key=True),
    Column("tool", String(256), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("digest", String(80), nullable=False),
    Column("definition", Text, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("approved_by", String(256)),
    Column("approved_at", Double),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", String(256), primary_key=True),
    Column("principal", String(256), primary_key=True),
    Column("key", String(256), primary_key=True),
    Column("tool", String(64), nullable=False),
    Column("arguments", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("result", Text),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
