//! Reading a job's options, which come as text in a query or in multipart fields.
//!
//! As pyannoteAI does, unknown names are ignored and `null` (or nothing at all) stands for a value
//! that was not given.

use std::{fmt, str::FromStr};

use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    enrolments,
    error::{ApiError, FieldError},
    option_schemas::{
        ChannelHandling, ChannelNumber, ClusteringName, CollarSeconds, Flag, SpeakerCount,
        WebhookUrl,
    },
};
use crate::{
    db::{JobOptions, Task, Webhook},
    domain::{SpeakerBounds, SpeakerBoundsError},
    formats::voices::EnrolmentJson,
    jobs::CLUSTERINGS,
    outbound::Outbound,
    voices::ThresholdName,
};

/// The options as they are documented; they are read by [`Options::set`].
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct DiarizeOptions {
    /// How many speakers there are.
    num_speakers: Option<SpeakerCount>,
    /// How many speakers there are at least.
    min_speakers: Option<SpeakerCount>,
    /// How many speakers there are at most.
    max_speakers: Option<SpeakerCount>,
    /// Answer with `exclusiveDiarization` too.
    exclusive: Option<Flag>,
    /// Answer with `confidence` over time too.
    confidence: Option<Flag>,
    /// Answer with a `confidence` per turn too.
    turn_level_confidence: Option<Flag>,
    /// Clustering algorithm by name.
    #[param(example = "agglomerative")]
    clustering: Option<ClusteringName>,
    /// Diarize this channel alone, counted from 1, instead of all of them mixed.
    channel: Option<ChannelNumber>,
    /// `mixed` (default), or `separate`: diarize each channel by itself, at most 8 of them. Every turn
    /// then has the `channel` of its speaker, and counts of speakers are those of each channel.
    #[param(example = "separate")]
    channels: Option<ChannelHandling>,
    /// Accepted for clients of pyannoteAI; another name than the server's own adds a `warning`.
    model: Option<String>,
    /// Accepted for clients of pyannoteAI; `true` adds a `warning`.
    transcription: Option<Flag>,
    /// A URL to post to when the job is over: `{jobId, status, output}`, signed.
    #[param(example = "https://example.com/hooks/diarist")]
    webhook: Option<WebhookUrl>,
    /// Leave `output` out of what is posted to `webhook`.
    webhook_status_only: Option<Flag>,
    /// The recording's name in RTTM; by default the uploaded file's.
    name: Option<String>,
    /// For a reference that comes with the job: seconds left out around each of its boundaries,
    /// half on either side.
    collar: Option<CollarSeconds>,
    /// For a reference that comes with the job: leave out its overlapping speech.
    skip_overlap: Option<Flag>,
}

/// The options of jobs for a voice, as they are documented.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct VoiceOptions {
    /// Listen to this channel alone, counted from 1, instead of all of them mixed.
    channel: Option<ChannelNumber>,
    /// Accepted for clients of pyannoteAI; another name than the server's own adds a `warning`.
    model: Option<String>,
    /// A URL to post to when the job is over: `{jobId, status, output}`, signed.
    #[param(example = "https://example.com/hooks/diarist")]
    webhook: Option<WebhookUrl>,
    /// Leave `output` out of what is posted to `webhook`.
    webhook_status_only: Option<Flag>,
    /// The recording's name in RTTM; by default the uploaded file's.
    name: Option<String>,
}

/// Options as they come in.
#[derive(Debug, Default)]
pub(super) struct Options {
    job: JobOptions,
    model: Option<String>,
    transcription: bool,
    webhook: Option<String>,
    webhook_status_only: bool,
    name: Option<String>,
    voiceprints: Option<Vec<EnrolmentJson>>,
    errors: Vec<FieldError>,
}

/// What a request asks for, all of it checked.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) options: JobOptions,
    /// The recording's name, if there is one.
    pub(super) name: Option<String>,
    /// What to tell the caller already.
    pub(super) warning: Option<String>,
    /// The voiceprints that came with it.
    pub(super) voiceprints: Option<Vec<EnrolmentJson>>,
}

impl Options {
    /// Options of a job for `task`; those that mean nothing to it are ignored as unknown ones are.
    pub(super) fn new(task: Task) -> Self {
        Self {
            job: JobOptions {
                task,
                ..JobOptions::default()
            },
            ..Self::default()
        }
    }

    /// As [`Options::set`], for a value in JSON.
    pub(super) fn set_json(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.set(name, text),
            other if TEXTS.contains(&name) => {
                self.refuse(name, "must be a text", &other.to_string());
            }
            other => self.set(name, &other.to_string()),
        }
    }

    /// Keeps it as an error that `name` is not as it must be.
    pub(super) fn refuse(&mut self, name: &str, wanted: impl fmt::Display, value: &str) {
        self.errors.push(FieldError {
            field: name.to_owned(),
            message: format!("{name} {wanted}; given: {}", excerpt(value)),
        });
    }

    /// Takes the option `name`, if it is one; a value that makes no sense is kept as an error.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let value = match value.trim() {
            "" | "null" => return,
            value => value,
        };
        if self.means_nothing(name) {
            return;
        }
        let result = match name {
            "numSpeakers" => put(&mut self.job.num_speakers, value, COUNT),
            "minSpeakers" => put(&mut self.job.min_speakers, value, COUNT),
            "maxSpeakers" => put(&mut self.job.max_speakers, value, COUNT),
            "exclusive" => flag(&mut self.job.exclusive, value),
            "confidence" => flag(&mut self.job.confidence, value),
            "turnLevelConfidence" => flag(&mut self.job.turn_level_confidence, value),
            "clustering" => self.set_clustering(value),
            "channel" => self.set_channel(value),
            "channels" => self.set_channels(value),
            "collar" => collar(&mut self.job.scoring.collar, value),
            "skipOverlap" | "skip_overlap" => flag(&mut self.job.scoring.skip_overlap, value),
            "model" => {
                self.model = Some(value.to_owned());
                Ok(())
            }
            "transcription" => flag(&mut self.transcription, value),
            "voiceprints" => return self.set_voiceprints(value),
            "matching" => return self.set_matching(value),
            "threshold" => self.set_threshold(value),
            "webhook" => {
                self.webhook = Some(value.to_owned());
                Ok(())
            }
            "webhookStatusOnly" => flag(&mut self.webhook_status_only, value),
            "name" => {
                self.name = recording_name(value);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(wanted) = result {
            self.refuse(name, format_args!("must be {wanted}"), value);
        }
    }

    /// Names the recording after the uploaded file, unless it has a name already.
    pub(super) fn set_file_name(&mut self, file_name: &str) {
        let base = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = base
            .rsplit_once('.')
            .map_or(base, |(stem, _)| if stem.is_empty() { base } else { stem });
        self.name = self.name.take().or_else(|| recording_name(stem));
    }

    fn set_clustering(&mut self, value: &str) -> Result<(), String> {
        if CLUSTERINGS.contains(&value) {
            self.job.clustering = Some(value.to_owned());
            Ok(())
        } else {
            Err(format!("one of {}", CLUSTERINGS.join(", ")))
        }
    }

    fn set_channel(&mut self, value: &str) -> Result<(), String> {
        put(&mut self.job.channel, value, CHANNEL)?;
        match self.job.channel {
            Some(0) => Err(CHANNEL.to_owned()),
            _ => Ok(()),
        }
    }

    fn set_channels(&mut self, value: &str) -> Result<(), String> {
        self.job.separate_channels = match value {
            "mixed" => false,
            "separate" => true,
            _ => return Err("mixed or separate".to_owned()),
        };
        Ok(())
    }

    /// Whether the option is for turns, and the job is not.
    fn means_nothing(&self, name: &str) -> bool {
        match self.job.task {
            Task::Diarize | Task::Identify { .. } => false,
            Task::Voiceprint | Task::Verify { .. } => OF_TURNS.contains(&name),
        }
    }

    fn set_voiceprints(&mut self, value: &str) {
        if let Task::Identify { .. } = self.job.task {
            match enrolments::voiceprints(value) {
                Ok(read) => self.voiceprints = Some(read),
                Err(errors) => self.errors.extend(errors),
            }
        }
    }

    fn set_matching(&mut self, value: &str) {
        if let Task::Identify {
            exclusive,
            threshold,
        } = &mut self.job.task
        {
            match enrolments::matching(value) {
                Ok(read) => (*exclusive, *threshold) = (read.exclusive, read.threshold),
                Err(errors) => self.errors.extend(errors),
            }
        }
    }

    fn set_threshold(&mut self, value: &str) -> Result<(), String> {
        if let Task::Verify { threshold, .. } = &mut self.job.task {
            let name: ThresholdName = value.parse().map_err(|_| {
                let names = ThresholdName::ALL.map(ThresholdName::as_str);
                format!("one of {}", names.join(", "))
            })?;
            threshold.clear();
            threshold.push_str(name.as_str());
        }
        Ok(())
    }

    /// Keeps a voiceprint that a recording is to be compared with.
    pub(super) fn compare_with(&mut self, label: &str, voiceprint: String) {
        let enrolment = EnrolmentJson {
            label: label.to_owned(),
            voiceprint,
        };
        self.voiceprints.get_or_insert_default().push(enrolment);
    }

    /// Notes that there is a second recording, to be fetched from `url` if that is not stored.
    pub(super) fn set_second(&mut self, url: Option<String>) {
        if let Task::Verify {
            second, second_url, ..
        } = &mut self.job.task
        {
            *second = true;
            *second_url = url;
        }
    }

    /// What the job is for.
    pub(super) fn task(&self) -> &Task {
        &self.job.task
    }

    /// The answer to a request with these errors, and those that were kept.
    pub(super) fn refused(mut self, errors: impl IntoIterator<Item = FieldError>) -> ApiError {
        self.errors.extend(errors);
        ApiError::fields(self.errors)
    }

    /// Whom to tell of the job's end; a URL that may not be used is kept as an error.
    pub(super) fn take_webhook(&mut self, outbound: &Outbound) -> Option<Webhook> {
        let url = self.webhook.take()?;
        match outbound.check(&url) {
            Ok(_) => Some(Webhook {
                url,
                status_only: self.webhook_status_only,
            }),
            Err(error) => {
                self.refuse("webhook", format_args!("cannot be used: {error}"), &url);
                None
            }
        }
    }

    /// What is asked for, if all is well.
    pub(super) fn finish(mut self, own_model: Option<&str>) -> Result<Asked, ApiError> {
        let job = &self.job;
        let told = |error: &FieldError| error.field.starts_with("voiceprints");
        if matches!(job.task, Task::Identify { .. })
            && self.voiceprints.is_none()
            && !self.errors.iter().any(told)
        {
            let missing = enrolments::voiceprints("null").err();
            self.errors.extend(missing.into_iter().flatten());
        }
        if let Err(error) = SpeakerBounds::new(job.num_speakers, job.min_speakers, job.max_speakers)
        {
            let field = match error {
                SpeakerBoundsError::OutOfRange { name, .. } => name,
                SpeakerBoundsError::Crossed { .. } => "minSpeakers",
                SpeakerBoundsError::Outside { .. } => "numSpeakers",
            };
            self.errors.push(FieldError {
                field: field.to_owned(),
                message: error.to_string(),
            });
        }
        if let Some(channel) = self.job.channel.filter(|_| self.job.separate_channels) {
            self.errors.push(FieldError {
                field: "channels".to_owned(),
                message: format!(
                    "channels must not be separate where one channel is asked for; given: \
                     separate, and channel {channel}"
                ),
            });
        }
        if !self.errors.is_empty() {
            return Err(ApiError::fields(self.errors));
        }
        let model = self
            .model
            .filter(|model| Some(model.as_str()) != own_model)
            .map(|model| {
                let model = excerpt(&model);
                format!("there is no model {model} here; the server's own was used")
            });
        let transcription = self
            .transcription
            .then(|| "there is no transcription here; words were left out".to_owned());
        let warnings: Vec<_> = [model, transcription].into_iter().flatten().collect();
        let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
        Ok(Asked {
            options: self.job,
            name: self.name,
            warning,
            voiceprints: self.voiceprints,
        })
    }
}

/// The options that are text: nothing else in JSON will do.
const TEXTS: [&str; 5] = ["channels", "clustering", "model", "webhook", "name"];

/// The options that say what turns are to be like.
const OF_TURNS: [&str; 12] = [
    "numSpeakers",
    "minSpeakers",
    "maxSpeakers",
    "exclusive",
    "confidence",
    "turnLevelConfidence",
    "clustering",
    "channels",
    "collar",
    "skipOverlap",
    "skip_overlap",
    "transcription",
];

const COUNT: &str = "a whole number from 1 to 1000";
const CHANNEL: &str = "a whole number from 1 to 65535";

fn put<T: FromStr>(slot: &mut Option<T>, value: &str, wanted: &str) -> Result<(), String> {
    *slot = Some(value.parse().map_err(|_| wanted.to_owned())?);
    Ok(())
}

fn flag(slot: &mut bool, value: &str) -> Result<(), String> {
    *slot = match value.to_ascii_lowercase().as_str() {
        "true" | "1" => true,
        "false" | "0" => false,
        _ => return Err("true or false".to_owned()),
    };
    Ok(())
}

fn collar(slot: &mut f64, value: &str) -> Result<(), String> {
    match value.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => {
            *slot = seconds;
            Ok(())
        }
        _ => Err("a number of seconds from 0 to 3600".to_owned()),
    }
}

/// `value` short enough to be quoted in a message.
pub(super) fn excerpt(value: &str) -> String {
    const LONGEST: usize = 60;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}...", &value[..end]),
        None => format!("{value:?}"),
    }
}

/// A name that RTTM can carry: no white space, no control characters, not too long.
fn recording_name(text: &str) -> Option<String> {
    const LONGEST: usize = 120;
    let name: String = text
        .trim()
        .chars()
        .map(|c| {
            if c.is_whitespace() || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .take(LONGEST)
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Asked, ApiError> {
        let mut options = Options::default();
        for (name, value) in pairs {
            options.set(name, value);
        }
        options.finish(Some("ours"))
    }

    #[test]
    fn nulls_and_unknown_names_are_nothing() {
        let asked = read(&[
            ("numSpeakers", "null"),
            ("minSpeakers", ""),
            ("transcriptionConfig", "maybe"),
            ("model", "ours"),
        ])
        .unwrap();
        let nothing = Asked {
            options: JobOptions::default(),
            name: None,
            warning: None,
            voiceprints: None,
        };
        assert_eq!(asked, nothing);
    }

    #[test]
    fn every_wrong_field_is_named_with_its_limit_and_value() {
        let error = read(&[
            ("numSpeakers", "two"),
            ("exclusive", "yes"),
            ("clustering", "magic"),
            ("channel", "0"),
            ("collar", "-1"),
            ("maxSpeakers", "2000"),
        ])
        .unwrap_err();
        let fields: Vec<_> = error.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "numSpeakers",
                "exclusive",
                "clustering",
                "channel",
                "collar",
                "maxSpeakers"
            ]
        );
        assert!(
            error.errors[0]
                .message
                .ends_with("from 1 to 1000; given: \"two\"")
        );
        assert!(
            error.errors[5]
                .message
                .ends_with("between 1 and 1000; given: 2000")
        );
    }

    #[test]
    fn channels_are_mixed_separate_or_one() {
        let separate = |pairs: &[_]| read(pairs).map(|asked| asked.options.separate_channels);
        assert!(separate(&[("channels", "separate")]).unwrap());
        assert!(!separate(&[("channels", "mixed"), ("channel", "2")]).unwrap());
        separate(&[("channels", "both")]).unwrap_err();
        let error = separate(&[("channels", "separate"), ("channel", "2")]).unwrap_err();
        assert!(error.errors[0].message.ends_with("channel 2"));
    }

    #[test]
    fn a_model_of_another_name_is_a_warning() {
        let asked = read(&[("model", "precision-2")]).unwrap();
        assert!(asked.warning.unwrap().contains("\"precision-2\""));
    }

    #[test]
    fn transcription_is_a_warning_once_asked_for() {
        let asked = read(&[("transcription", "false")]).unwrap();
        assert_eq!(asked.warning, None);
        let asked = read(&[("transcription", "true"), ("model", "x")]).unwrap();
        assert!(
            asked
                .warning
                .unwrap()
                .contains("; there is no transcription")
        );
    }

    #[test]
    fn json_is_read_as_text_is() {
        let mut options = Options::default();
        for (name, value) in [
            ("numSpeakers", serde_json::json!(2)),
            ("minSpeakers", Value::Null),
            ("exclusive", serde_json::json!(true)),
            ("confidence", serde_json::json!([1])),
            ("maxSpeakers", serde_json::json!(2.5)),
            ("model", serde_json::json!(2)),
            ("name", serde_json::json!({})),
            ("webhook", Value::Null),
        ] {
            options.set_json(name, &value);
        }
        assert_eq!(options.job.num_speakers, Some(2));
        assert!(options.job.exclusive);
        let error = options.finish(None).unwrap_err();
        let fields: Vec<_> = error.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["confidence", "maxSpeakers", "model", "name"]);
    }

    #[test]
    fn a_recording_is_named_after_its_file_without_white_space() {
        let mut options = Options::default();
        options.set_file_name("C:\\talks\\board meeting.v2.wav");
        assert_eq!(options.name.as_deref(), Some("board_meeting.v2"));
        options.set_file_name("other.wav");
        assert_eq!(options.name.as_deref(), Some("board_meeting.v2"));
    }

    proptest! {
        #[test]
        fn no_value_panics(name in "[a-zA-Z_]{0,20}", value in ".{0,80}") {
            let mut options = Options::default();
            options.set(&name, &value);
            options.set_file_name(&value);
            let _ = options.finish(None);
        }
    }
}
