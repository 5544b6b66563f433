-- Column types are TEXT, BIGINT and BLOB alone, because sqlx's `any` driver maps only these the same way for every
-- database: flags and times (milliseconds since 1970-01-01T00:00:00Z) are BIGINT, documents are JSON in TEXT.

-- The last number given out of each series, in one row, so that locking the row orders all writers.
CREATE TABLE sequences (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    resource BIGINT NOT NULL,
    incident BIGINT NOT NULL,
    run BIGINT NOT NULL,
    event BIGINT NOT NULL
);
INSERT INTO sequences (one, resource, incident, run, event) VALUES (1, 0, 0, 0, 0);

-- What people said: one row for each manifest.
CREATE TABLE resources (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    spec TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- Which resource names which other one in its specification.
CREATE TABLE resource_references (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_name TEXT NOT NULL,
    PRIMARY KEY (kind, name, target_kind, target_name)
);
CREATE INDEX resource_references_by_target ON resource_references (target_kind, target_name);

-- What people are shown of a host, what is believed of it, and how far its recovery has come.
CREATE TABLE host_states (
    host TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    facts TEXT,
    recovery TEXT
);

CREATE TABLE incidents (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    closed BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX incidents_by_host ON incidents (host, id);
CREATE INDEX incidents_by_closed ON incidents (closed, id);

CREATE TABLE runs (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    incident BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX runs_by_host ON runs (host, id);
CREATE INDEX runs_by_incident ON runs (incident, id);
CREATE INDEX runs_by_ended ON runs (ended, id);

CREATE TABLE events (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    host TEXT,
    incident BIGINT,
    run BIGINT,
    message TEXT NOT NULL
);
CREATE INDEX events_by_host ON events (host, id);

-- `released_at` is when the picture was stored or last lost a holder; it counts only while no holder is left.
CREATE TABLE pictures (
    digest TEXT NOT NULL PRIMARY KEY,
    released_at BIGINT NOT NULL
);

-- Apart from `pictures`, because changing a row rewrites all of it.
CREATE TABLE picture_contents (
    digest TEXT NOT NULL PRIMARY KEY,
    png BLOB NOT NULL
);

-- What keeps a picture: a host's status (`host`), an incident (`incident`) or a run (`run`).
CREATE TABLE picture_holders (
    holder_kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (holder_kind, holder, digest)
);
CREATE INDEX picture_holders_by_digest ON picture_holders (digest);
