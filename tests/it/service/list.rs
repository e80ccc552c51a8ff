//! The list of jobs.

use serde_json::{Value, json};

use super::app::{Api, problem};

async fn page(api: &Api, query: &str) -> (Vec<String>, Value) {
    let response = api.get(&format!("/v2/jobs{query}")).await;
    let page: Value = response.json().await.unwrap();
    let items = page["items"].as_array().unwrap();
    for item in items {
        let keys: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["createdAt", "id", "status"]);
    }
    let ids = items.iter().map(|item| item["id"].as_str().unwrap());
    (ids.map(str::to_owned).collect(), page["nextCursor"].clone())
}

#[tokio::test]
async fn jobs_come_newest_first_page_by_page() {
    let api = Api::start().await;
    assert_eq!(page(&api, "").await, (Vec::new(), Value::Null));
    let mut jobs = Vec::new();
    for _ in 0..12 {
        jobs.push(api.job().await);
    }
    jobs.reverse();
    let (first, cursor) = page(&api, "").await;
    assert_eq!(first, jobs[..10]);
    let cursor = cursor.as_str().unwrap().to_owned();
    let (second, end) = page(&api, &format!("?cursor={cursor}")).await;
    assert_eq!((second.as_slice(), end), (&jobs[10..], Value::Null));
    let (all, end) = page(&api, "?limit=12&cursor=&status=created").await;
    assert_eq!((all, end), (jobs.clone(), Value::Null));

    api.delete(&format!("/v1/jobs/{}", jobs[3])).await;
    let (canceled, _) = page(&api, "?status=canceled").await;
    assert_eq!(canceled, jobs[3..4]);
    let (created, _) = page(&api, "?status=created&limit=100").await;
    assert_eq!(created.len(), 11);
    api.stop().await;
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let api = Api::start().await;
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?limit=many", "limit"),
        ("?cursor=next", "cursor"),
        ("?status=done", "status"),
    ] {
        let answer = problem(
            api.get(&format!("/v2/jobs{query}")).await,
            "invalid_request",
        )
        .await;
        assert_eq!(answer["errors"][0]["field"], json!(field), "{answer}");
    }
    api.stop().await;
}
