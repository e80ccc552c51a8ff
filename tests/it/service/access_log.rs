//! What the log says of requests, and what it does not.

use std::fs::File;

use serde_json::Value;

use crate::program::{Server, client, diarist};

#[tokio::test(flavor = "multi_thread")]
async fn a_line_a_request_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("diarist.toml"),
        "[access]\nauth = \"required\"\n[log]\nformat = \"json\"\n",
    )
    .unwrap();
    let path = folder.path().join("log");
    let server = Server::start_logging_to(
        folder.path(),
        &["--role", "api"],
        File::create(&path).unwrap(),
    );
    let mut create = diarist(folder.path());
    let created = create.args(["keys", "create", "backend"]).output().unwrap();
    let secret = created.stdout;
    let secret = String::from_utf8(secret).unwrap().trim().to_owned();
    let client = client();
    let url = |path: &str| format!("http://{}{path}", server.address);

    let request = client.post(url("/v1/diarize?name=a-private-name"));
    let request = request.bearer_auth(&secret).header("x-request-id", "mine");
    let accepted = request.body("private audio").send().await.unwrap();
    let sent = accepted.text().await.unwrap().len() as u64;
    let guess = client
        .get(url("/v1/jobs/42?token=private"))
        .bearer_auth("diarist_private");
    assert_eq!(guess.send().await.unwrap().status(), 401);
    assert_eq!(
        client.get(url("/livez")).send().await.unwrap().status(),
        200
    );
    assert!(server.stop().success());

    let log = std::fs::read_to_string(&path).unwrap();
    for word in ["private", &secret] {
        assert!(!log.contains(word), "{word} in {log}");
    }
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["target"] == "diarist::access")
        .map(|line| line["fields"].clone())
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    let (post, get) = (&lines[0], &lines[1]);
    assert_eq!(
        (&post["method"], &post["path"]),
        (&"POST".into(), &"/v1/diarize".into())
    );
    assert_eq!(
        (&post["status"], &post["bytes"]),
        (&200.into(), &sent.into())
    );
    assert_eq!(post["received_bytes"], 13);
    assert_eq!(
        (&post["request_id"], &post["key"]),
        (&"mine".into(), &"backend".into())
    );
    assert!(post["duration_ms"].is_u64(), "{post}");
    assert_eq!(
        (&get["status"], &get["path"]),
        (&401.into(), &"/v1/jobs/42".into())
    );
    assert_eq!(get.get("key"), None);
}
