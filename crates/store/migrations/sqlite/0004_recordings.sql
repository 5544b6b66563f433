-- Recordings of consoles: what is known of each. The files lie beside the database.

CREATE TABLE recordings (
    host TEXT NOT NULL,
    id BIGINT NOT NULL,
    ended_at BIGINT,
    body TEXT NOT NULL,
    PRIMARY KEY (host, id)
);

CREATE INDEX recordings_by_id ON recordings (id);
