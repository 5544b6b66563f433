-- Git repositories that are followed: how far, by which server, and what was applied from each.

-- `wanted` rises with each request to look at once; `status` says which it answers.
CREATE TABLE repository_states (
    repository TEXT NOT NULL PRIMARY KEY,
    status TEXT,
    wanted BIGINT NOT NULL DEFAULT 0,
    owner TEXT,
    expires_at BIGINT
);

-- What a repository describes, each with the version under which it was applied: another one was made by hand.
CREATE TABLE followed (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    repository TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX followed_by_repository ON followed (repository);
