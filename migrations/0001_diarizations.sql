-- What the queue does not keep about a job. The name is not "jobs": the queue has a table called
-- Jobs, and names do not differ by case alone. Times are milliseconds since 1970-01-01 UTC.
-- Types and statements stay within what SQLite and PostgreSQL both understand.
CREATE TABLE diarizations (
    id               TEXT             NOT NULL PRIMARY KEY,
    status           TEXT             NOT NULL
        CHECK (status IN ('created', 'pending', 'running', 'succeeded', 'failed', 'canceled')),
    -- The recording's name in RTTM.
    name             TEXT             NOT NULL,
    -- Options as JSON, read by the code that wrote them.
    options          TEXT             NOT NULL,
    audio_bytes      BIGINT           NOT NULL,
    -- How often a worker has claimed the job. It names the claim: a worker whose number is no
    -- longer this one has lost the job and may not touch it.
    attempt          BIGINT           NOT NULL DEFAULT 0,
    -- How many of those attempts failed or vanished.
    failures         BIGINT           NOT NULL DEFAULT 0,
    -- Until when the running attempt is taken to be alive.
    lease_expires_at BIGINT,
    cancel_requested BOOLEAN          NOT NULL DEFAULT FALSE,
    step             TEXT,
    percent          DOUBLE PRECISION NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100),
    warning          TEXT,
    error_code       TEXT,
    error            TEXT,
    created_at       BIGINT           NOT NULL,
    updated_at       BIGINT           NOT NULL,
    started_at       BIGINT,
    finished_at      BIGINT,
    CHECK ((status = 'running') = (lease_expires_at IS NOT NULL)),
    CHECK ((status IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL)),
    CHECK (status <> 'failed' OR (error_code IS NOT NULL AND error IS NOT NULL)),
    CHECK (status <> 'succeeded' OR attempt > 0)
);

CREATE INDEX diarizations_by_status ON diarizations (status, id);
