//! The committed description is what the handlers say.

use std::path::Path;

use serde_json::Value;

use super::app::Api;
use crate::oracle::ask;

#[test]
fn the_committed_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let current = diarist::http::openapi().to_pretty_json().unwrap() + "\n";
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "openapi/openapi.json is not what the handlers say; `make openapi` rewrites it"
    );
}

#[tokio::test]
async fn the_served_description_is_the_committed_one() {
    let api = Api::start().await;
    let served: Value = api.get("/openapi.json").await.json().await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let committed: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(served, committed);
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
    api.stop().await;
}

/// Every operation has what a reader needs, and every error is a problem.
#[test]
fn operations_are_described() {
    let document: Value =
        serde_json::from_str(&diarist::http::openapi().to_json().unwrap()).unwrap();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let place = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{place} has no summary");
            assert!(operation["operationId"].is_string(), "{place} has no id");
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.starts_with('2') {
                    continue;
                }
                let content = response["content"].as_object().unwrap();
                assert_eq!(
                    content.keys().collect::<Vec<_>>(),
                    ["application/problem+json"],
                    "{place} {status}"
                );
            }
        }
    }
    assert!(operations > 12, "only {operations} operations");
}

/// What an answer looks like must be what its schema says.
#[test]
fn examples_keep_their_schemas() {
    let document = diarist::http::openapi();
    let Some(found) = ask("examples.py", &document) else {
        return;
    };
    assert_eq!(found["problems"], serde_json::json!([]));
    assert!(found["checked"].as_u64().unwrap() > 5, "{found}");
}

/// Generators of clients stop at a reference that leads nowhere.
#[test]
fn references_lead_somewhere() {
    let document: Value =
        serde_json::from_str(&diarist::http::openapi().to_json().unwrap()).unwrap();
    let mut places = vec![&document];
    let mut references = 0;
    while let Some(place) = places.pop() {
        match place {
            Value::Array(items) => places.extend(items),
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    references += 1;
                }
                places.extend(fields.values());
            }
            _ => {}
        }
    }
    assert!(references > 0);
}

/// The page must work without the internet.
#[tokio::test]
async fn the_documentation_page_brings_everything_along() {
    let api = Api::start().await;
    let page = api.get("/docs/").await.text().await.unwrap();
    assert!(page.contains("swagger-ui"), "{page}");
    assert!(
        !page.contains("https://") && !page.contains("http://"),
        "{page}"
    );
    for asset in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-initializer.js",
    ] {
        let response = api.get(&format!("/docs/{asset}")).await;
        assert!(response.status().is_success(), "{asset}");
    }
    api.stop().await;
}
