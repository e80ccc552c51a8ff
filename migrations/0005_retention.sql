-- When the audio of a job that is over was removed, if that was before the job itself.
ALTER TABLE diarizations ADD COLUMN audio_deleted_at BIGINT;

CREATE INDEX diarizations_by_end ON diarizations (finished_at);
