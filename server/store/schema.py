"""The tables, in types that SQLite and PostgreSQL share. Holds no query and no data.

Times are seconds since the epoch as doubles. JSON is kept as canonical text, digests in their written form.
"""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text

VERSION = 8
"""The schema this code reads and writes. A store with a higher one is refused, one with a lower one is brought up."""

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
    # Since version 2. A row without a binding was asked for before, and lifts nothing.
    Column("policy", String(80)),
    Column("nonce", String(32)),
    Column("binding", String(80)),
    Column("refs", Text),
    Column("refs_digest", String(80)),
    Column("carried", String(80)),
    Column("unresolved", Text),
    Column("flow", Text),
    Column("facts", Text),
    Column("ran_before", String(64)),
    Column("lineage", String(64)),
    Index("approvals_by_principal", "tenant", "principal", "state"),
    Index("approvals_by_lineage", "tenant", "lineage"),
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
    # Since version 2: the subject that opened it; NULL for a default session.
    Column("minted_by", String(256)),
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
    # Since version 4: whose principal registered it, and the text of its signature.
    Column("tenant", String(256)),
    Column("signature", Text),
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

turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("taken", Integer, nullable=False),
)
"""Rows to lock before looking at what is about to be changed. Always the same ones: see `turns.py`."""

reopened = Table(
    "reopened",
    metadata,
    Column("tenant", String(256), primary_key=True),
    Column("principal", String(256), primary_key=True),
    Column("at", Double, nullable=False),
)

places = Table(
    "places",
    metadata,
    # A digest of tenant, space, key and call: together they are too long for an index of PostgreSQL.
    Column("id", String(80), primary_key=True),
    Column("tenant", String(256), nullable=False),
    Column("space", String(64), nullable=False),
    # Compared bytewise, so that what lies below a key is one range; SQLite does so by itself.
    Column("key", String(1024).with_variant(String(1024, collation="C"), "postgresql"), nullable=False),
    # Empty, or the one call whose exact places are not known yet.
    Column("call", String(64), nullable=False),
    Column("labels", String(256), nullable=False),
    Column("writes", Integer, nullable=False),
    Column("at", Double, nullable=False),
    # With the labels, which are all that most questions want: the rows need not be read.
    Index("places_by_key", "tenant", "space", "key", "labels"),
)

place_writes = Table(
    "place_writes",
    metadata,
    Column("place", String(80), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("call_id", String(64), nullable=False),
    Column("tool", String(64), nullable=False),
    Column("session", String(64), nullable=False),
    Column("labels", String(256), nullable=False),
    # What was written, for whoever approves carrying it along; NULL when that was too much to keep.
    Column("arguments", Text),
    Column("at", Double, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("label", String(64), primary_key=True),
    Column("call_id", String(64), nullable=False),
    Column("tool", String(64), nullable=False),
    Column("labels", String(256), nullable=False),
    Column("places", Text, nullable=False),
    Column("at", Double, nullable=False),
)

uses = Table(
    "uses",
    metadata,
    Column("lineage", String(64), primary_key=True),
    Column("digest", String(80), primary_key=True),
    Column("call_id", String(64), nullable=False),
    Column("at", Double, nullable=False),
)

kept = Table(
    "kept",
    metadata,
    Column("tenant", String(256), primary_key=True),
    Column("tool", String(64), primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    # Of key and value, so that a quota needs no value to be read.
    Column("bytes", Integer, nullable=False),
    Column("at", Double, nullable=False),
)
"""What tools keep for themselves. Since version 3."""

secrets = Table(
    "secrets",
    metadata,
    Column("tenant", String(256), primary_key=True),
    Column("name", String(64), primary_key=True),
    # Counts how often it was set; sealed together with the value, as tenant and name are.
    Column("version", Integer, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)
"""Since version 4."""

upstream_tokens = Table(
    "upstream_tokens",
    metadata,
    Column("tenant", String(256), primary_key=True),
    Column("upstream", String(31), primary_key=True),
    # Counts how often there were new ones; sealed together with them, as tenant and upstream are.
    Column("version", Integer, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", Double, nullable=False),
)
"""Since version 6."""

decision_inputs = Table(
    "decision_inputs",
    metadata,
    Column("call_id", String(64), primary_key=True),
    Column("at", Double, nullable=False),
    # Of the tool as it was judged: says which row of `decision_tools` goes with it.
    Column("definition", String(80), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("decision_inputs_by_time", "at"),
)
"""What policy saw of calls, redacted, where the operator asks for it. Since version 7."""

decision_tools = Table(
    "decision_tools",
    metadata,
    Column("definition", String(80), primary_key=True),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""The tools that those calls were of. Since version 7."""

leases = Table(
    "leases",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(256), nullable=False),
    Column("principal", String(256), nullable=False),
    Column("tool", String(64), nullable=False),
    Column("definition", String(80), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("forbids", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("revoked_at", Double),
    Index("leases_by_principal", "tenant", "principal", "tool"),
)
