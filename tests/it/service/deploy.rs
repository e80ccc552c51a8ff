//! What `deploy/` asks Prometheus for, against what a server exports.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::app::{Api, JOBS, job_id};
use super::voices::talk;

const FILES: [&str; 3] = [
    "prometheus/diarist.rules.yml",
    "prometheus/diarist.rules.test.yml",
    "grafana/diarist.json",
];

/// Names of metrics that a text mentions, without what Prometheus appends to a histogram's.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("diarist_") || word.starts_with("http_server_"))
        .map(|word| {
            let suffixes = ["_bucket", "_sum", "_count"];
            let base = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix));
            base.unwrap_or(word)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_on_the_dashboard_and_in_alerts_is_exported() {
    let api = Api::with_workers(JOBS).await;
    let job = job_id(api.post_raw("", talk(5)).await).await;
    api.succeeded(&job).await;
    let exported = api.get("/metrics").await.text().await.unwrap();
    api.stop().await;
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    for file in FILES {
        let text = fs::read_to_string(deploy.join(file)).unwrap();
        let named = metrics(&text);
        assert!(!named.is_empty(), "{file} names no metric");
        for name in named {
            assert!(
                exported.contains(&format!("# TYPE {name} ")),
                "{file} asks for {name}, which a server does not export"
            );
        }
    }
}
