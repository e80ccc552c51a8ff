-- Results of a job after its first one, which is revision 1 and has no row here. A row is written
-- once the artefacts are stored, and goes with its job.
CREATE TABLE revisions (
    diarization TEXT   NOT NULL REFERENCES diarizations (id) ON DELETE CASCADE,
    revision    BIGINT NOT NULL CHECK (revision > 1),
    -- Where the artefacts are stored, below the job's.
    folder      TEXT   NOT NULL,
    -- Options as JSON, read by the code that wrote them.
    options     TEXT   NOT NULL,
    speakers    BIGINT NOT NULL,
    warning     TEXT,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (diarization, revision)
);
