//! Errors, over the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::Code;

/// An error, as RFC 9457 describes problems, with pyannoteAI's `message` and `errors` beside it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Problem {
    /// Names the kind of problem: `urn:diarist:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:diarist:problem:payload_too_large")]
    pub(in crate::http) kind: String,
    /// What the code means.
    pub(in crate::http) title: String,
    /// The response's status.
    #[schema(example = 413)]
    pub(in crate::http) status: u16,
    /// What happened this time: the limit, and the value given.
    pub(in crate::http) detail: String,
    /// The path asked for.
    #[schema(format = "uri-reference")]
    pub(in crate::http) instance: String,
    /// Stable, for programs.
    #[schema(value_type = Code)]
    pub(in crate::http) code: String,
    /// The id under which the request was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::http) request_id: Option<String>,
    /// The same as `detail`.
    pub(in crate::http) message: String,
    /// What is wrong field by field, where that can be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::http) errors: Vec<ProblemField>,
}

/// One wrong field.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(in crate::http) struct ProblemField {
    /// Its name.
    #[schema(example = "numSpeakers")]
    pub(in crate::http) field: String,
    /// What it must be and what was given.
    pub(in crate::http) message: String,
}
