//! The API's description, put together from the handlers.

use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{access, routes as handlers, state::AppState, views::WebhookBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Diarist",
        description = "Who spoke when: post audio, get turns. Jobs are durable; results come as \
                       JSON in pyannoteAI's shape, RTTM, subtitles, CSV and the formats of audio \
                       editors and linguists. Errors are RFC 9457 \
                       problems with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    // Named by no path: two stand in parameters, one in the text of an event, one is what a
    // receiver of webhooks is sent.
    components(schemas(
        super::format::Format,
        handlers::words::WordsFormat,
        handlers::events::Progress,
        WebhookBody
    )),
    tags(
        (name = "jobs", description = "Diarizing recordings"),
        (name = "voices", description = "Voiceprints, names for speakers, comparisons"),
        (name = "results", description = "What was found"),
        (name = "media", description = "Recordings uploaded apart from a job"),
        (name = "service", description = "The service itself")
    )
)]
struct Document;

/// Every documented path with its handler.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    let mut routes = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(handlers::diarize::diarize))
        .routes(routes!(handlers::voices::voiceprint))
        .routes(routes!(handlers::voices::identify))
        .routes(routes!(handlers::verify::verify))
        .routes(routes!(handlers::jobs::job, handlers::jobs::delete))
        .routes(routes!(handlers::list::list))
        .routes(routes!(handlers::events::events))
        .routes(routes!(handlers::results::rttm))
        .routes(routes!(handlers::results::result))
        .routes(routes!(handlers::results::embeddings))
        .routes(routes!(handlers::results::labels))
        .routes(routes!(handlers::results::metrics))
        .routes(routes!(handlers::recluster::recluster))
        .routes(routes!(handlers::reference::reference))
        .routes(routes!(handlers::words::put, handlers::words::get))
        .routes(routes!(handlers::media::input))
        .routes(routes!(handlers::media::output))
        .routes(routes!(
            handlers::media::put_object,
            handlers::media::get_object
        ))
        .routes(routes!(handlers::health::test))
        .routes(routes!(handlers::health::livez))
        .routes(routes!(handlers::health::readyz))
        .routes(routes!(handlers::metrics::metrics));
    access::describe(routes.get_openapi_mut());
    routes
}

/// The document, as it is served under `/openapi.json` and committed.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}
