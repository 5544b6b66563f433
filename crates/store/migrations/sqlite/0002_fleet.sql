-- Fleets: what commands say of hosts, clusters and zones; who works on which host; work that was asked for; alerts;
-- passwords that were changed; what notifiers were told.

ALTER TABLE sequences ADD COLUMN job BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sequences ADD COLUMN alert BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sequences ADD COLUMN lease BIGINT NOT NULL DEFAULT 0;
-- The id of the key under which every secret is sealed, so that each writer sees when another has replaced the key.
ALTER TABLE sequences ADD COLUMN sealed_under TEXT;

ALTER TABLE events ADD COLUMN job BIGINT;
ALTER TABLE events ADD COLUMN alert BIGINT;

-- What the host's alerts are made from, beside its facts and its recovery.
ALTER TABLE host_states ADD COLUMN alerts TEXT;

-- What commands said of hosts, clusters and zones. Apart from `resources`, so that applying a manifest changes none of it.
CREATE TABLE administration (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- Which server works on which host. `token` rises with each change of owner: a write that carries an older one is
-- refused, however late it comes.
CREATE TABLE host_leases (
    host TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    token BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX host_leases_by_owner ON host_leases (owner);

CREATE TABLE jobs (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    ended_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX jobs_by_host ON jobs (host, id);
CREATE INDEX jobs_by_end ON jobs (ended_at, id);

-- Of each cause at most one alert of a host is open: the database sees to it, whoever writes.
CREATE TABLE alerts (
    id BIGINT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    cause TEXT NOT NULL,
    cleared_at BIGINT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX alerts_open ON alerts (host, cause) WHERE cleared_at IS NULL;
CREATE INDEX alerts_by_host ON alerts (host, id);
CREATE INDEX alerts_by_clearing ON alerts (cleared_at, id);

-- The password that a change has given one account of a host's controller; it goes before the named credentials.
CREATE TABLE host_secrets (
    host TEXT NOT NULL,
    username TEXT NOT NULL,
    sealed TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    previous TEXT,
    previous_until BIGINT,
    PRIMARY KEY (host, username)
);

-- Changes of passwords that are not over. The new password is here, sealed, before any controller is told of it.
CREATE TABLE rotations (
    host TEXT NOT NULL PRIMARY KEY,
    job BIGINT NOT NULL,
    username TEXT NOT NULL,
    phase TEXT NOT NULL,
    old_credential TEXT,
    old_sealed TEXT NOT NULL,
    new_sealed TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- How far each notifier has been told, and since when it cannot be; which server tells it, and until when no other may.
CREATE TABLE deliveries (
    notifier TEXT NOT NULL PRIMARY KEY,
    told_event BIGINT NOT NULL,
    failing_since BIGINT,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    owner TEXT,
    expires_at BIGINT
);

-- Management was a word, and is a fact with time and source; the next start of a server says it anew.
UPDATE host_states SET status = json_remove(status, '$.management') WHERE status IS NOT NULL;
