-- Who may ask. The secret itself is nowhere: only its SHA-256, by which a caller's key is found.
CREATE TABLE api_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    -- How the secret begins, to tell keys apart.
    beginning    TEXT   NOT NULL,
    hash         TEXT   NOT NULL UNIQUE,
    -- Names, separated by spaces.
    scopes       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at   BIGINT
);

-- A name is free again once its key is revoked.
CREATE UNIQUE INDEX api_keys_by_name ON api_keys (name) WHERE revoked_at IS NULL;

-- The key that made the job; none where keys were not asked for.
ALTER TABLE diarizations ADD COLUMN owner TEXT;

CREATE INDEX diarizations_by_owner ON diarizations (owner, id);
