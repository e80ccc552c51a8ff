-- Requests that may come twice, by the key that their caller gave them.
CREATE TABLE idempotency_keys (
    -- The API key's id; empty where keys are not asked for.
    owner       TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    -- The request that holds the key.
    token       TEXT   NOT NULL,
    -- What was asked for and what was answered, once that is done.
    fingerprint TEXT,
    answer      TEXT,
    -- When the key is free again: for one in flight, unless it is renewed.
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (owner, key),
    CHECK ((fingerprint IS NULL) = (answer IS NULL))
);

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
