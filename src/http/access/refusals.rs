//! The answers that any path which asks for a key may give, as the document tells of them.

use utoipa::openapi::{
    Content, Header, Object, Ref, RefOr, Type,
    path::Operation,
    response::{Response, ResponseBuilder},
};

use super::limiter;

/// Status, when it is given, and the headers that come with it.
const REFUSALS: [(&str, &str, &str, Type, &str); 3] = [
    (
        "401",
        "No API key, or one that is not valid",
        "WWW-Authenticate",
        Type::String,
        "What is wrong with the key (RFC 6750)",
    ),
    (
        "403",
        "The API key has not the scope that is needed",
        "WWW-Authenticate",
        Type::String,
        "The scope that is needed (RFC 6750)",
    ),
    (
        "429",
        "Too many requests",
        "Retry-After",
        Type::Integer,
        "Seconds after which to come again",
    ),
];

/// Adds them to what the operation says by itself.
pub(super) fn add(operation: &mut Operation) {
    for (status, description, header, kind, meaning) in REFUSALS {
        let responses = &mut operation.responses.responses;
        let response = responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(problem(description)));
        let RefOr::T(response) = response else {
            continue;
        };
        insert(response, header, kind, meaning);
        if status == "429" {
            let meanings = [
                "Requests allowed in a minute",
                "Requests left of them",
                "Seconds until the minute is over",
            ];
            for (name, meaning) in limiter::NAMES.into_iter().zip(meanings) {
                insert(response, name, Type::Integer, meaning);
            }
        }
    }
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

fn insert(response: &mut Response, name: &str, kind: Type, meaning: &str) {
    let mut header = Header::new(Object::with_type(kind));
    header.description = Some(meaning.to_owned());
    response.headers.insert(name.to_owned(), RefOr::T(header));
}
