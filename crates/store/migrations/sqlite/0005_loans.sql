-- What was switched on at devices for the time of need, and how it was before.

CREATE TABLE device_loans (
    host TEXT NOT NULL,
    device TEXT NOT NULL,
    state_before TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    PRIMARY KEY (host, device)
);
