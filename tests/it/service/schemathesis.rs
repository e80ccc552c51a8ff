//! Schemathesis: requests made up from the OpenAPI description, valid and invalid ones, and every answer held against it.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::app::tiny_model_path;
use super::voices::talk;
use crate::program::{Server, client, diarist};

/// Seconds that it may go on making up requests.
const SECONDS: &str = "45";

/// All but what no schema can say: that a valid request may name a recording which nobody uploaded.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,\
                      ignored_auth,missing_required_header,negative_data_rejection";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_within_the_description() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/oracle/bin/schemathesis");
    if !program.exists() {
        assert!(
            std::env::var_os("CI").is_none(),
            "`make oracle` was not run"
        );
        eprintln!("SKIPPED: schemathesis is not installed; `make oracle` does it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::spawn(
        diarist(folder.path())
            .arg("serve")
            .env("DIARIST_ACCESS__AUTH", "required")
            .env("DIARIST_MODEL__PATH", tiny_model_path())
            .env("DIARIST_LOG__FILTER", "error"),
        Stdio::inherit(),
    );
    let scopes = ["jobs:read", "jobs:write", "metrics"].map(|scope| format!("--scope={scope}"));
    let made = diarist(folder.path())
        .args(["keys", "create", "schemathesis"])
        .args(scopes)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let key = String::from_utf8(made.stdout).unwrap();
    let bearer = format!("Authorization: Bearer {}", key.trim());
    let url = format!("http://{}", server.address);
    let job = finished_job(&url, key.trim()).await;

    // A job to look at; those that are deleted are made up.
    let settings = format!(
        "[[operations]]\ninclude-method = \"GET\"\ninclude-path-regex = \"^/v1/jobs/\"\n\
         parameters = {{ \"path.id\" = \"{job}\" }}\n"
    );
    std::fs::write(folder.path().join("schemathesis.toml"), settings).unwrap();
    let mut command = Command::new(program);
    command
        .args(["run", &format!("{url}/openapi.json"), "--header", &bearer])
        .args(["--checks", CHECKS, "--max-time", SECONDS, "--seed", "1"])
        .args(["--continue-on-failure", "--no-color", "--warnings", "off"])
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
    let output = output.unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}");
    assert!(server.stop().success());
}

/// The id of a job that has a result.
async fn finished_job(url: &str, key: &str) -> String {
    let client = client();
    let post = client.post(format!("{url}/v1/diarize")).bearer_auth(key);
    let post = post.header("content-type", "audio/wav").body(talk(5));
    let receipt: Value = post.send().await.unwrap().json().await.unwrap();
    let id = receipt["jobId"].as_str().unwrap().to_owned();
    let events = client.get(format!("{url}/v1/jobs/{id}/events"));
    let events = events.bearer_auth(key).send().await.unwrap();
    events.text().await.unwrap();
    let job = client.get(format!("{url}/v1/jobs/{id}")).bearer_auth(key);
    let job: Value = job.send().await.unwrap().json().await.unwrap();
    assert_eq!(job["status"], json!("succeeded"), "{job}");
    id
}
