//! Reading the voiceprints that come with a job, and how their names are to be given.

use serde_json::Value;
use utoipa::ToSchema;

use super::{error::FieldError, options::excerpt};
use crate::{
    formats::{rttm, voices::EnrolmentJson},
    voices::{Matching, Voiceprint},
};

/// Voiceprints that come with one job.
const MOST: usize = 50;

/// Characters of a name.
const LONGEST_LABEL: usize = 100;

/// What names must not begin with: speakers without one are called so.
const RESERVED: &str = "SPEAKER_";

/// A voiceprint with its name, as it is documented.
#[derive(ToSchema)]
#[schema(as = Enrolment)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct EnrolmentSchema {
    /// Whose it is. Must not begin with `SPEAKER_`.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^(?!SPEAKER_)",
        example = "Sam"
    )]
    label: String,
    /// The voiceprint from `POST /v1/voiceprint`.
    #[schema(
        max_length = 20000,
        example = "RFZQMQcHBwcHBwcHBwcHBwcHBweamRk/AAAAAM3MTL8="
    )]
    voiceprint: String,
}

/// How names are given, as it is documented.
#[derive(ToSchema)]
#[schema(as = Matching)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct MatchingSchema {
    /// Whether a name goes to one speaker at most.
    #[schema(default = true)]
    exclusive: Option<bool>,
    /// Confidence below which a speaker stays without a name.
    #[schema(minimum = 0, maximum = 100, default = 0)]
    threshold: Option<f32>,
}

const LIST: &str = "must be a list of 1 to 50 objects with label and voiceprint";

/// What is wrong with `field`, and what was given.
fn wrong(field: &str, wanted: &str, given: &Value) -> FieldError {
    let given = match given {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => excerpt(text),
        other => excerpt(&other.to_string()),
    };
    FieldError {
        field: field.to_owned(),
        message: format!("{field} {wanted}; given: {given}"),
    }
}

/// Reads `voiceprints`, a list in JSON.
pub(super) fn voiceprints(text: &str) -> Result<Vec<EnrolmentJson>, Vec<FieldError>> {
    let given: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let list = match given {
        Value::Array(list) if (1..=MOST).contains(&list.len()) => list,
        Value::Array(list) => {
            let count = format!("{} objects", list.len());
            return Err(vec![wrong("voiceprints", LIST, &count.into())]);
        }
        other => return Err(vec![wrong("voiceprints", LIST, &other)]),
    };
    let mut errors = Vec::new();
    let mut read: Vec<EnrolmentJson> = Vec::new();
    for (index, given) in list.into_iter().enumerate() {
        let label = label(index, &given["label"], &read);
        let voiceprint = voiceprint(
            &format!("voiceprints[{index}].voiceprint"),
            &given["voiceprint"],
        );
        match (label, voiceprint) {
            (Ok(label), Ok(voiceprint)) => read.push(EnrolmentJson { label, voiceprint }),
            (label, voiceprint) => {
                errors.extend([label.err(), voiceprint.err()].into_iter().flatten());
            }
        }
    }
    if errors.is_empty() {
        Ok(read)
    } else {
        Err(errors)
    }
}

fn label(index: usize, given: &Value, others: &[EnrolmentJson]) -> Result<String, FieldError> {
    let field = format!("voiceprints[{index}].label");
    let Some(text) = given.as_str() else {
        return Err(wrong(&field, "must be a text", given));
    };
    let count = text.chars().count();
    if text.trim().is_empty() || count > LONGEST_LABEL {
        let wanted = format!("must have 1 to {LONGEST_LABEL} characters, not all of them blank");
        let given = format!("{count} characters");
        return Err(wrong(&field, &wanted, &given.into()));
    }
    if text.starts_with(RESERVED) {
        return Err(wrong(&field, "must not begin with SPEAKER_", given));
    }
    // In RTTM, which knows no blanks, two people would become one.
    let written = rttm::name(text);
    match others
        .iter()
        .find(|other| other.label != text && rttm::name(&other.label) == written)
    {
        Some(other) => {
            let wanted = format!("must differ from {:?} in more than blanks", other.label);
            Err(wrong(&field, &wanted, given))
        }
        None => Ok(text.to_owned()),
    }
}

/// Reads one voiceprint, which is checked and left as it is.
pub(super) fn voiceprint(field: &str, given: &Value) -> Result<String, FieldError> {
    let Some(text) = given.as_str() else {
        return Err(wrong(field, "must be the text of a voiceprint", given));
    };
    match text.parse::<Voiceprint>() {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(FieldError {
            field: field.to_owned(),
            message: format!("{field} {error}"),
        }),
    }
}

/// Reads `matching`, an object in JSON; what it leaves out is as pyannoteAI has it.
pub(super) fn matching(text: &str) -> Result<Matching, Vec<FieldError>> {
    let given: Value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
    let Value::Object(given) = given else {
        let wanted = "must be an object with exclusive and threshold";
        return Err(vec![wrong("matching", wanted, &given)]);
    };
    let mut matching = Matching::default();
    let mut errors = Vec::new();
    match given.get("exclusive") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(exclusive)) => matching.exclusive = *exclusive,
        Some(other) => errors.push(wrong("matching.exclusive", "must be true or false", other)),
    }
    match given.get("threshold") {
        None | Some(Value::Null) => {}
        Some(other) => match other.as_f64() {
            Some(threshold) if (0.0..=100.0).contains(&threshold) => {
                matching.threshold = threshold as f32;
            }
            _ => errors.push(wrong(
                "matching.threshold",
                "must be a number from 0 to 100",
                other,
            )),
        },
    }
    if errors.is_empty() {
        Ok(matching)
    } else {
        Err(errors)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::EmbeddingSpace;

    fn good() -> String {
        let space = EmbeddingSpace::from_bytes([1; 16]);
        Voiceprint::new(space, vec![1.0, 0.0]).unwrap().to_string()
    }

    fn fields<T: std::fmt::Debug>(read: Result<T, Vec<FieldError>>) -> Vec<(String, String)> {
        let errors = read.unwrap_err().into_iter();
        errors.map(|error| (error.field, error.message)).collect()
    }

    #[test]
    fn a_list_is_read_and_one_name_may_have_several() {
        let list = json!([
            {"label": "Ann Lee", "voiceprint": good(), "note": "unknown keys are ignored"},
            {"label": "Ann Lee", "voiceprint": good()},
            {"label": "é".repeat(100), "voiceprint": good()},
        ]);
        let read = voiceprints(&list.to_string()).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read[1].label, "Ann Lee");
    }

    #[test]
    fn every_wrong_part_is_named_with_its_limit_and_value() {
        let list = json!([
            {"label": "Ann Lee", "voiceprint": good()},
            {"label": "x".repeat(101), "voiceprint": "?"},
            {"label": "SPEAKER_7", "voiceprint": 5},
            {"label": "Ann\tLee", "voiceprint": good()},
            {"voiceprint": "x".repeat(20_001), "label": "  "},
            7,
        ]);
        let wrong = fields(voiceprints(&list.to_string()));
        let names: Vec<_> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            names,
            [
                "voiceprints[1].label",
                "voiceprints[1].voiceprint",
                "voiceprints[2].label",
                "voiceprints[2].voiceprint",
                "voiceprints[3].label",
                "voiceprints[4].label",
                "voiceprints[4].voiceprint",
                "voiceprints[5].label",
                "voiceprints[5].voiceprint",
            ]
        );
        assert!(
            wrong[0].1.ends_with("given: \"101 characters\""),
            "{wrong:?}"
        );
        assert!(
            wrong[6]
                .1
                .ends_with("at most 20000 characters; given: 20001"),
            "{wrong:?}"
        );
    }

    #[test]
    fn there_are_one_to_fifty() {
        let of = |count| {
            let one = json!({"label": "Ann", "voiceprint": good()});
            voiceprints(&json!(vec![one; count]).to_string())
        };
        assert_eq!(of(50).unwrap().len(), 50);
        for (count, given) in [(0, "0 objects"), (51, "51 objects")] {
            let wrong = fields(of(count));
            assert!(
                wrong[0].1.contains("1 to 50") && wrong[0].1.contains(given),
                "{wrong:?}"
            );
        }
        assert_eq!(fields(voiceprints("everybody"))[0].0, "voiceprints");
    }

    #[test]
    fn matching_has_defaults_and_limits() {
        assert_eq!(matching("{}").unwrap(), Matching::default());
        let read = matching(r#"{"exclusive": false, "threshold": 50.5, "other": 1}"#).unwrap();
        assert_eq!((read.exclusive, read.threshold), (false, 50.5));
        let wrong = fields(matching(r#"{"exclusive": "no", "threshold": 100.1}"#));
        assert_eq!(wrong[0].0, "matching.exclusive");
        assert!(
            wrong[1].1.ends_with("from 0 to 100; given: \"100.1\""),
            "{wrong:?}"
        );
        assert_eq!(fields(matching("[]"))[0].0, "matching");
    }
}
