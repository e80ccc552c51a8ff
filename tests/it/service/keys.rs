//! API keys: who gets in, and who sees what.

use std::fs::File;
use std::path::Path;
use std::process::Output;

use diarist::domain::Scope;
use reqwest::{Method, Response, StatusCode};

use super::app::{Api, closed, job_id, problem};
use crate::program::{Server, client, diarist};

/// Every path of a job, with its method.
const JOB_PATHS: [(Method, &str); 9] = [
    (Method::GET, ""),
    (Method::DELETE, ""),
    (Method::GET, "/events"),
    (Method::GET, "/rttm"),
    (Method::GET, "/result"),
    (Method::GET, "/embeddings.npy"),
    (Method::GET, "/labels.npy"),
    (Method::GET, "/metrics"),
    (Method::PUT, "/reference"),
];

async fn ask(api: &Api, method: Method, path: &str, key: &str) -> Response {
    let request = api.client.request(method, api.url(path)).bearer_auth(key);
    request.body("").send().await.unwrap()
}

async fn submit(api: &Api, key: &str) -> Response {
    let request = api.client.post(api.url("/v1/diarize")).bearer_auth(key);
    request.body("RIFF").send().await.unwrap()
}

fn challenge(response: &Response) -> String {
    let header = &response.headers()["www-authenticate"];
    header.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn without_a_valid_key_nobody_gets_in() {
    let api = Api::with_access(closed()).await;
    let key = api
        .key("backend", &[Scope::JobsRead, Scope::JobsWrite])
        .await;
    let id = job_id(submit(&api, &key).await).await;

    for path in [
        "/v1/jobs/42".to_owned(),
        "/nowhere".to_owned(),
        format!("/v1/jobs/{id}"),
    ] {
        let response = api.get(&path).await;
        assert_eq!(challenge(&response), r#"Bearer realm="diarist""#);
        let answer = problem(response, "unauthorized").await;
        assert!(
            answer["message"].as_str().unwrap().contains("Bearer"),
            "{answer}"
        );
    }
    for wrong in ["nonsense", &key[..key.len() - 1], &key.to_uppercase()] {
        let response = ask(&api, Method::GET, &format!("/v1/jobs/{id}"), wrong).await;
        assert!(challenge(&response).contains("error=\"invalid_token\""));
        problem(response, "unauthorized").await;
    }
    let upload = api.post_raw("", vec![0; 50_000]).await;
    problem(upload, "unauthorized").await;
    assert_eq!(api.stored().len(), 1, "an upload without a key was kept");

    let basic = api.client.get(api.url(&format!("/v1/jobs/{id}")));
    let basic = basic.basic_auth("user", Some(&key)).send().await.unwrap();
    problem(basic, "unauthorized").await;
    let seen = ask(&api, Method::GET, &format!("/v1/jobs/{id}"), &key).await;
    assert_eq!(seen.status(), StatusCode::OK);
    let absent = ask(&api, Method::GET, "/nowhere", &key).await;
    problem(absent, "route_not_found").await;
    let method = ask(&api, Method::PUT, "/v1/diarize", &key).await;
    problem(method, "method_not_allowed").await;
    api.stop().await;
}

#[tokio::test]
async fn probes_and_documentation_are_open() {
    let api = Api::with_access(closed()).await;
    for path in [
        "/livez",
        "/readyz",
        "/docs/",
        "/docs/swagger-ui.css",
        "/openapi.json",
    ] {
        let response = api.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    problem(api.get("/metrics").await, "unauthorized").await;
    api.stop().await;
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    let api = Api::with_access(closed()).await;
    let reader = api.key("reader", &[Scope::JobsRead]).await;
    let writer = api.key("writer", &[Scope::JobsWrite]).await;
    let prometheus = api.key("prometheus", &[Scope::Metrics]).await;
    let id = job_id(submit(&api, &writer).await).await;
    let path = format!("/v1/jobs/{id}");

    for (method, path, key, missing) in [
        (Method::POST, "/v1/diarize", &reader, "jobs:write"),
        (Method::GET, &*path, &writer, "jobs:read"),
        (Method::GET, "/metrics", &reader, "metrics"),
        (Method::GET, &*path, &prometheus, "jobs:read"),
        (Method::DELETE, &*path, &prometheus, "jobs:write"),
    ] {
        let response = ask(&api, method, path, key).await;
        let expected = format!("error=\"insufficient_scope\", scope=\"{missing}\"");
        assert!(challenge(&response).contains(&expected), "{path}");
        let answer = problem(response, "insufficient_scope").await;
        assert!(
            answer["detail"].as_str().unwrap().contains(missing),
            "{answer}"
        );
    }
    let metrics = ask(&api, Method::GET, "/metrics", &prometheus).await;
    assert_eq!(metrics.status(), StatusCode::OK);
    api.stop().await;
}

#[tokio::test]
async fn jobs_belong_to_the_key_that_made_them() {
    let api = Api::with_access(closed()).await;
    let both = [Scope::JobsRead, Scope::JobsWrite];
    let mine = api.key("mine", &both).await;
    let other = api.key("other", &both).await;
    let operator = api
        .key("operator", &[Scope::JobsRead, Scope::JobsAll])
        .await;
    let id = job_id(submit(&api, &mine).await).await;

    for (method, path) in JOB_PATHS {
        let path = format!("/v1/jobs/{id}{path}");
        let answer = problem(ask(&api, method, &path, &other).await, "job_not_found").await;
        assert_eq!(answer["detail"], format!("there is no job {id}"));
    }
    let path = format!("/v1/jobs/{id}");
    for key in [&mine, &operator] {
        let response = ask(&api, Method::GET, &path, key).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
    problem(
        ask(&api, Method::DELETE, &path, &operator).await,
        "insufficient_scope",
    )
    .await;
    let deleted = ask(&api, Method::DELETE, &path, &mine).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    api.stop().await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_its_name_is_free() {
    let api = Api::with_access(closed()).await;
    let first = api
        .key("backend", &[Scope::JobsRead, Scope::JobsWrite])
        .await;
    let id = job_id(submit(&api, &first).await).await;
    let used = || async {
        let keys = api.db.keys().await.unwrap();
        keys[0].last_used_at.is_some()
    };
    while !used().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(api.db.revoke_key("backend").await.unwrap());
    assert!(!api.db.revoke_key("backend").await.unwrap());
    let path = format!("/v1/jobs/{id}");
    problem(ask(&api, Method::GET, &path, &first).await, "unauthorized").await;
    let second = api.key("backend", &[Scope::JobsRead]).await;
    // The same name is not the same key.
    problem(
        ask(&api, Method::GET, &path, &second).await,
        "job_not_found",
    )
    .await;
    api.stop().await;
}

fn keys(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = diarist(folder);
    command.arg("keys").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_keys_for_a_server_that_others_can_reach() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let server = Server::start_logging_to(
        folder.path(),
        &["--role", "api", "--listen", "0.0.0.0:0"],
        File::create(&log).unwrap(),
    );
    let url = format!("http://{}/v1/jobs/42", server.address);
    let client = client();
    problem(client.get(&url).send().await.unwrap(), "unauthorized").await;
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("diarist keys create"), "{said}");

    let created = keys(
        folder.path(),
        &["create", "backend", "--scope", "jobs:read"],
    );
    assert!(created.status.success(), "{}", text(&created.stderr));
    let secret = text(&created.stdout).trim().to_owned();
    let response = client.get(&url).bearer_auth(&secret).send().await.unwrap();
    problem(response, "job_not_found").await;

    let listed = text(&keys(folder.path(), &["list"]).stdout);
    assert!(
        listed.contains("backend") && listed.contains("jobs:read"),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    let taken = keys(folder.path(), &["create", "backend"]);
    assert_eq!(taken.status.code(), Some(1));
    assert!(text(&taken.stderr).contains("backend already"));
    let unknown = keys(folder.path(), &["create", "x", "--scope", "jobs"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("one of jobs:read"));

    assert!(keys(folder.path(), &["revoke", "backend"]).status.success());
    assert_eq!(
        keys(folder.path(), &["revoke", "backend"]).status.code(),
        Some(1)
    );
    let response = client.get(&url).bearer_auth(&secret).send().await.unwrap();
    problem(response, "unauthorized").await;
    assert!(server.stop().success());

    let mut files = vec![folder.path().join("data")];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(!said.contains(&secret), "the secret is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_a_public_address_to_all_is_warned() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("diarist.toml"),
        "[access]\nauth = \"off\"\n",
    )
    .unwrap();
    let log = folder.path().join("log");
    let server = Server::start_logging_to(
        folder.path(),
        &["--role", "api", "--listen", "0.0.0.0:0"],
        File::create(&log).unwrap(),
    );
    let url = format!("http://{}/v1/jobs/42", server.address);
    problem(client().get(&url).send().await.unwrap(), "job_not_found").await;
    assert!(server.stop().success());
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("access.auth is off"), "{said}");
}
