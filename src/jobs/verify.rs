//! Whether two voices are one speaker's.

use serde_json::json;

use super::{
    Environment,
    diarize::{Done, Inputs},
    failure::AttemptError,
    progress::Progress,
    recording::Stored,
    voices,
};
use crate::{
    audio::{AudioStream, DecodeOptions},
    db::JobRecord,
    domain::SpeakerBounds,
    formats::{metrics::Metrics, voices::VerificationOutput},
    pipeline::ChannelProgress,
    storage::{Artefact, StoredAudio},
};

/// Compares the voice of the job's recording with that of its second one, or with the voiceprint that
/// came with it.
pub(super) fn verify(
    environment: &Environment,
    job: &JobRecord,
    threshold: &str,
    inputs: &Inputs,
    progress: &Progress,
) -> Result<Done, AttemptError> {
    let threshold = threshold
        .parse()
        .map_err(|error| AttemptError::internal("the threshold was not read", &error))?;
    let recordings: Vec<&StoredAudio> = [Some(&inputs.audio), inputs.second.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let settings = environment.pipeline_settings(&job.options);
    let pipeline = environment.pipeline(settings.clone());
    let decode = DecodeOptions {
        limits: environment.limits,
        channel: job.options.channel,
    };
    let one = SpeakerBounds::new(Some(1), None, None)
        .map_err(|error| AttemptError::internal("one speaker is too many", &error))?;
    let mut warnings: Vec<String> = job.warning.iter().cloned().collect();
    let mut metrics = Vec::new();
    let mut known = Vec::new();
    for (index, audio) in recordings.iter().enumerate() {
        let hook = ChannelProgress {
            all: progress,
            index,
            count: recordings.len(),
        };
        let stream = AudioStream::open(Stored(audio), &decode)?;
        let diarization = pipeline.run(stream, one, &hook)?;
        let said = diarization.warnings.iter().map(ToString::to_string);
        let said = said.chain(voices::several_speakers(&diarization, &settings));
        // Which recording it is about is plain where there is one.
        warnings.extend(said.map(|warning| match recordings.len() {
            1 => warning,
            _ => format!("recording {}: {warning}", index + 1),
        }));
        known.push(voices::voice(&diarization)?);
        let record = json!({"options": job.options});
        metrics.push(Metrics::new(&diarization, environment.model(), record));
    }
    let enrolled = inputs.voiceprints.iter();
    known.extend(enrolled.map(|own| own.voiceprint.values().to_vec()));
    let [first, second] = known.as_slice() else {
        let given = known.len();
        return Err(AttemptError::internal("there are not two voices", &given));
    };
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    let output = VerificationOutput {
        verification: voices::verification(&environment.voices, threshold, first, second),
        warning: warning.clone(),
    };
    let result = serde_json::to_vec(&output)
        .map_err(|error| AttemptError::internal("the result could not be written", &error))?;
    Ok(Done {
        artefacts: vec![(Artefact::Result, result.into())],
        metrics,
        warning,
    })
}
