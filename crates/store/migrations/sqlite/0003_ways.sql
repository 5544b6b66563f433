-- Ways to devices: the certificates that they showed first, and the sessions that are open on them.

CREATE TABLE certificate_pins (
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    digest TEXT NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (host, device)
);

CREATE TABLE device_sessions (
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    username TEXT NOT NULL,
    sealed TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (host, device, username)
);
