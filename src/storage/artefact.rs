//! What is kept of a job beside its audio.

/// A file made for or from a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Artefact {
    /// The reference that came with the job or was put later, in RTTM. Belongs to the job, not to
    /// an attempt, and is kept under attempt 0.
    Reference,
    /// Who spoke when, in RTTM.
    Rttm,
    /// The whole result, in JSON.
    Result,
    /// Window embeddings, `(windows, dim)`, in NumPy's format.
    Embeddings,
    /// Window times and labels, in NumPy's format.
    Labels,
    /// When anybody speaks, in NumPy's format.
    Speech,
    /// When several speak, in NumPy's format; jobs that heard no overlap, or did not listen for it, have
    /// none.
    Overlap,
    /// Which local speaker is alone when, in NumPy's format, `(chunks, frames, speakers)`; jobs for which no
    /// segmentation model was asked have none.
    Locals,
    /// Figures about the run, in JSON.
    Metrics,
    /// What was said, in JSON, without speakers. Belongs to the job as a reference does.
    Words,
    /// The voiceprints that came with the job, in JSON. Belong to the job as a reference does.
    Voiceprints,
}

impl Artefact {
    pub(super) const fn file_name(self) -> &'static str {
        match self {
            Self::Reference => "reference.rttm",
            Self::Rttm => "result.rttm",
            Self::Result => "result.json",
            Self::Embeddings => "embeddings.npy",
            Self::Labels => "labels.npy",
            Self::Speech => "speech.npy",
            Self::Overlap => "overlap.npy",
            Self::Locals => "locals.npy",
            Self::Metrics => "metrics.json",
            Self::Words => "words.json",
            Self::Voiceprints => "voiceprints.json",
        }
    }
}
