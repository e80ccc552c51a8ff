//! What operators look at.

use reqwest::StatusCode;

use super::app::Api;

#[tokio::test]
async fn alive_and_ready() {
    let api = Api::start().await;
    assert_eq!(api.get("/livez").await.text().await.unwrap(), "ok");
    assert_eq!(api.get("/readyz").await.text().await.unwrap(), "ok");
    let verbose = api.get("/readyz?verbose").await.text().await.unwrap();
    assert_eq!(verbose, "[+]database ok\n[+]storage ok\n[+]shutdown ok\nok");
    api.stop().await;
}

#[tokio::test]
async fn metrics_have_the_fields_names_and_few_labels() {
    let api = Api::start().await;
    api.job().await;
    api.get("/v1/nothing/at/all").await;
    let method = reqwest::Method::from_bytes(b"BREW").unwrap();
    let brew = api.client.request(method, api.url("/livez"));
    assert_eq!(
        brew.send().await.unwrap().status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    let response = api.get("/metrics").await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let text = response.text().await.unwrap();
    for line in [
        "# TYPE http_server_request_duration_seconds histogram",
        "http_server_active_requests ",
        "http_request_method=\"POST\",http_route=\"/v1/diarize\",http_response_status_code=\"200\"",
        "http_request_method=\"_OTHER\",http_route=\"/livez\"",
        "http_request_method=\"GET\",http_route=\"\",http_response_status_code=\"404\"",
        "diarist_jobs{status=\"created\"} ",
        "diarist_queue_depth ",
        "diarist_uploaded_bytes_total",
    ] {
        assert!(text.contains(line), "{line} missing in:\n{text}");
    }
    assert!(
        !text.contains("/v1/nothing"),
        "paths must not become labels"
    );
    api.stop().await;
}
