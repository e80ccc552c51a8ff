//! Web pages that ask from within a browser.

use diarist::http::AccessSettings;
use reqwest::{Method, Response, StatusCode};

use super::app::{Api, closed};

async fn preflight(api: &Api, origin: &str) -> Response {
    let url = api.url("/v1/diarize");
    let request = api.client.request(Method::OPTIONS, url);
    let request = request
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,idempotency-key",
        );
    request.send().await.unwrap()
}

fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap().to_lowercase())
}

#[tokio::test]
async fn by_default_no_page_may_ask() {
    let api = Api::start().await;
    let response = preflight(&api, "https://app.example").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&response, "access-control-allow-origin"), None);
    let request = api.client.get(api.url("/v1/jobs/42"));
    let response = request
        .header("origin", "https://app.example")
        .send()
        .await
        .unwrap();
    assert_eq!(header(&response, "access-control-allow-origin"), None);
    api.stop().await;
}

#[tokio::test]
async fn pages_of_named_origins_may_ask_and_read_what_they_need() {
    let api = Api::with_access(AccessSettings {
        cors_origins: vec!["https://app.example".to_owned()],
        ..closed()
    })
    .await;
    // Without a key: browsers do not show it yet.
    let response = preflight(&api, "https://app.example").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        header(&response, "access-control-allow-origin").unwrap(),
        "https://app.example"
    );
    let allowed = header(&response, "access-control-allow-headers").unwrap();
    for name in ["authorization", "idempotency-key", "last-event-id"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    let stranger = preflight(&api, "https://evil.example").await;
    assert_eq!(header(&stranger, "access-control-allow-origin"), None);

    // An error can be read as well.
    let request = api.client.get(api.url("/v1/jobs/42"));
    let refused = request
        .header("origin", "https://app.example")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(&refused, "access-control-allow-origin").unwrap(),
        "https://app.example"
    );
    let exposed = header(&refused, "access-control-expose-headers").unwrap();
    for name in ["retry-after", "x-ratelimit-remaining", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    api.stop().await;
}

#[test]
fn an_origin_with_a_path_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = crate::program::diarist(folder.path())
        .arg("migrate")
        .env("DIARIST_ACCESS__CORS_ORIGINS", "[\"https://app.example/\"]")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("access.cors_origins must be origins"),
        "{said}"
    );
    assert!(said.contains("https://app.example/"), "{said}");
}
