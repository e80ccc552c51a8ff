//! Event streams that break off and go on.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use reqwest::{Response, StatusCode};

use super::app::{Api, JOBS, job_id};
use super::voices::talk;

/// `(event, id, data)` of every event of a stream that was read to its end.
fn events(text: &str) -> Vec<(String, String, String)> {
    let field = |block: &str, name: &str| {
        let found = block.lines().find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("no {name} in {block}"))
            .to_owned()
    };
    text.split("\n\n")
        .filter(|block| !block.is_empty() && !block.starts_with(':'))
        .map(|block| {
            (
                field(block, "event: "),
                field(block, "id: "),
                field(block, "data: "),
            )
        })
        .collect()
}

async fn listen(api: &Api, id: &str, last: Option<&str>) -> Response {
    let mut request = api.client.get(api.url(&format!("/v1/jobs/{id}/events")));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_hears_only_what_is_new() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(60)).await).await;
    let all = events(&listen(&api, &id, None).await.text().await.unwrap());
    let (name, last, data) = all.last().unwrap();
    assert_eq!(name, "end");
    assert!(data.contains("succeeded"), "{data}");
    let mut ids: Vec<_> = all.iter().map(|(_, id, _)| id).collect();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "an event came twice: {all:?}");

    // After the end there is nothing, and a browser is told not to come again.
    let over = listen(&api, &id, Some(last)).await;
    assert_eq!(over.status(), StatusCode::NO_CONTENT);
    // Whoever heard something else hears the end.
    for heard in [&*all[0].1, "1.running.5.embeddings", "nonsense"] {
        let rest = events(&listen(&api, &id, Some(heard)).await.text().await.unwrap());
        assert_eq!(rest.len(), 1, "{rest:?}");
        assert_eq!(&rest[0], all.last().unwrap());
    }
    api.stop().await;
}

#[tokio::test]
async fn what_was_heard_is_not_said_again_and_silence_is_filled() {
    let api = Api::start().await;
    let id = api.job().await;
    let begun = Instant::now();
    let mut stream = listen(&api, &id, Some("0.created.0.")).await.bytes_stream();
    // Nothing is new: the first thing to come is a comment, for the proxies' sake.
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.starts_with(b":"), "{first:?}");
    assert!(
        begun.elapsed() > Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    api.delete(&format!("/v1/jobs/{id}")).await;
    let mut rest = String::new();
    while let Some(bytes) = stream.next().await {
        rest.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
    }
    let rest = events(&rest);
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!((&*rest[0].0, &*rest[0].1), ("end", "0.canceled.0."));
    api.stop().await;
}
