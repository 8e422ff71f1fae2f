-- A store as version 1 wrote it.
BEGIN TRANSACTION;
CREATE TABLE approvals (
    id VARCHAR(64) NOT NULL,
    call_id VARCHAR(64) NOT NULL,
    tenant VARCHAR(256) NOT NULL,
    principal VARCHAR(256) NOT NULL,
    session VARCHAR(64) NOT NULL,
    tool VARCHAR(64) NOT NULL,
    definition VARCHAR(80) NOT NULL,
    arguments TEXT NOT NULL,
    digest VARCHAR(80) NOT NULL,
    forbids TEXT NOT NULL,
    labels VARCHAR(256) NOT NULL,
    level VARCHAR(64) NOT NULL,
    created_at DOUBLE NOT NULL,
    expires_at DOUBLE NOT NULL,
    state VARCHAR(16) NOT NULL,
    decided_by VARCHAR(256),
    decided_at DOUBLE,
    note TEXT,
    PRIMARY KEY (id)
);
INSERT INTO "approvals" VALUES('a_pending','c1','acme','alice','s_1','file_write','blake3:1111111111111111111111111111111111111111111111111111111111111111','{"content":"b","path":"a"}','blake3:2222222222222222222222222222222222222222222222222222222222222222','["untrusted-writes"]','untrusted','operator',1800000000.0,1800000900.0,'pending',NULL,NULL,NULL);
INSERT INTO "approvals" VALUES('a_approved','c2','acme','alice','s_1','file_write','blake3:1111111111111111111111111111111111111111111111111111111111111111','{"content":"b","path":"a"}','blake3:2222222222222222222222222222222222222222222222222222222222222222','["untrusted-writes"]','untrusted','operator',1800000000.0,1800000900.0,'approved','bob',1800000001.0,'go on');
CREATE TABLE idempotency (
    tenant VARCHAR(256) NOT NULL,
    principal VARCHAR(256) NOT NULL,
    "key" VARCHAR(256) NOT NULL,
    tool VARCHAR(64) NOT NULL,
    arguments VARCHAR(80) NOT NULL,
    state VARCHAR(16) NOT NULL,
    result TEXT,
    created_at DOUBLE NOT NULL,
    expires_at DOUBLE NOT NULL,
    PRIMARY KEY (tenant, principal, "key")
);
INSERT INTO "idempotency" VALUES('acme','alice','k','file_write','blake3:2222222222222222222222222222222222222222222222222222222222222222','finished','{"status":"ok"}',1800000000.0,1800086400.0);
CREATE TABLE pins (
    upstream VARCHAR(31) NOT NULL,
    tool VARCHAR(256) NOT NULL,
    state VARCHAR(16) NOT NULL,
    digest VARCHAR(80) NOT NULL,
    definition TEXT NOT NULL,
    seen_at DOUBLE NOT NULL,
    approved_by VARCHAR(256),
    approved_at DOUBLE,
    PRIMARY KEY (upstream, tool, state)
);
INSERT INTO "pins" VALUES('mail','send','approved','blake3:6666666666666666666666666666666666666666666666666666666666666666','{"name":"send"}',1800000000.0,'bob',1800000001.0);
CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
);
INSERT INTO "schema_version" VALUES(1);
CREATE TABLE sessions (
    id VARCHAR(64) NOT NULL,
    tenant VARCHAR(256) NOT NULL,
    principal VARCHAR(256) NOT NULL,
    parent VARCHAR(64),
    user_request TEXT,
    labels VARCHAR(256) NOT NULL,
    created_at DOUBLE NOT NULL,
    expires_at DOUBLE,
    default_of VARCHAR(80),
    PRIMARY KEY (id),
    UNIQUE (default_of)
);
INSERT INTO "sessions" VALUES('s_default','acme','alice',NULL,NULL,'private',1800000000.0,NULL,'blake3:98ad2234b72176bc56762356ff07e87d31eeaf3c77f156fdcfc141250977448d');
INSERT INTO "sessions" VALUES('s_1','acme','alice',NULL,'pay bob','private,untrusted',1800000000.0,1800003600.0,NULL);
INSERT INTO "sessions" VALUES('s_2','acme','helper','s_1',NULL,'untrusted',1800000000.0,1800003600.0,NULL);
CREATE TABLE tokens (
    id VARCHAR(64) NOT NULL,
    subject VARCHAR(256) NOT NULL,
    scopes VARCHAR(256) NOT NULL,
    tenant VARCHAR(256) NOT NULL,
    session VARCHAR(64),
    profile VARCHAR(64),
    issued_at DOUBLE NOT NULL,
    expires_at DOUBLE NOT NULL,
    revoked_at DOUBLE,
    hash VARCHAR(80) NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO "tokens" VALUES('t1','alice','call','acme','s_1',NULL,1800000000.0,1800003600.0,NULL,'blake3:3333333333333333333333333333333333333333333333333333333333333333');
CREATE TABLE tools (
    id INTEGER NOT NULL,
    name VARCHAR(64) NOT NULL,
    version VARCHAR(64) NOT NULL,
    manifest TEXT NOT NULL,
    module VARCHAR(80) NOT NULL,
    definition VARCHAR(80) NOT NULL,
    state VARCHAR(16) NOT NULL,
    registered_by VARCHAR(256) NOT NULL,
    registered_at DOUBLE NOT NULL,
    approved_by VARCHAR(256),
    approved_at DOUBLE,
    reason TEXT,
    PRIMARY KEY (id)
);
INSERT INTO "tools" VALUES(1,'word_count','1.0.0','[tool]','blake3:4444444444444444444444444444444444444444444444444444444444444444','blake3:5555555555555555555555555555555555555555555555555555555555555555','approved','bob',1800000000.0,'carol',1800000001.0,NULL);
CREATE TABLE upstreams (
    name VARCHAR(31) NOT NULL,
    entry TEXT NOT NULL,
    added_by VARCHAR(256) NOT NULL,
    added_at DOUBLE NOT NULL,
    PRIMARY KEY (name)
);
INSERT INTO "upstreams" VALUES('mail','{"url":"http://127.0.0.1:9100/mcp"}','bob',1800000000.0);
CREATE INDEX approvals_by_principal ON approvals (tenant, principal, state);
CREATE INDEX sessions_by_principal ON sessions (tenant, principal);
CREATE INDEX tools_by_name ON tools (name, state);
COMMIT;
