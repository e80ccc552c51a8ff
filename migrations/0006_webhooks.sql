-- Where a recording is to be fetched from, where the caller gave an address instead of bytes.
ALTER TABLE diarizations ADD COLUMN source_url TEXT;
-- Whom to tell of the job's end.
ALTER TABLE diarizations ADD COLUMN webhook TEXT;
ALTER TABLE diarizations ADD COLUMN webhook_status_only BOOLEAN NOT NULL DEFAULT FALSE;

-- Webhooks still to be delivered: written together with the job's end, removed when delivered or
-- given up.
CREATE TABLE webhook_deliveries (
    job_id      TEXT    NOT NULL PRIMARY KEY REFERENCES diarizations (id) ON DELETE CASCADE,
    url         TEXT    NOT NULL,
    status_only BOOLEAN NOT NULL,
    -- Tries that failed, and why the last one did.
    failures    BIGINT  NOT NULL DEFAULT 0,
    reason      TEXT,
    due_at      BIGINT  NOT NULL
);

CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries (due_at);
