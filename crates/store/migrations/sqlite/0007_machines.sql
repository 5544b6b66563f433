-- Machines that booted over the network and are no hosts, by the hardware address that they booted from.

CREATE TABLE machines (
    mac TEXT NOT NULL PRIMARY KEY,
    last_seen BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX machines_by_last_seen ON machines (last_seen);
