//! The jobs table under workers that come, go and disagree; on a real file.

use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::domain::{JobId, JobStatus};

pub(super) const ATTEMPTS: i64 = 3;
pub(super) const ALIVE: Duration = Duration::from_mins(1);
/// A lease that has ended as soon as it is given: its worker is taken to be dead.
const DEAD: Duration = Duration::ZERO;

pub(super) async fn open() -> (TempDir, Db) {
    let folder = TempDir::new().unwrap();
    let db = Db::open(&folder.path().join("test.sqlite")).await.unwrap();
    (folder, db)
}

pub(super) async fn create(db: &Db) -> JobId {
    let id = JobId::generate();
    let job = NewJob {
        id,
        name: "talk".to_owned(),
        options: JobOptions {
            num_speakers: Some(2),
            ..JobOptions::default()
        },
        audio_bytes: 3,
        warning: None,
        owner: JobOwner::default(),
        source_url: None,
        webhook: None,
    };
    db.create_job(&job).await.unwrap();
    id
}

pub(super) async fn claim(db: &Db, id: JobId, lease: Duration) -> JobRecord {
    match db.claim_job(id, lease, ATTEMPTS, true).await.unwrap() {
        Claim::Run(job) => *job,
        other => panic!("expected the job; got {other:?}"),
    }
}

async fn dispatches(db: &Db) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM Jobs WHERE job_type = $1");
    count
        .bind(Lane::Short.queue())
        .fetch_one(&db.pool)
        .await
        .unwrap()
}

fn retry() -> Outcome {
    Outcome::Retry {
        failure: Failure::new("audio_unreadable", "the disk is tired"),
        delay: Duration::ZERO,
    }
}

#[tokio::test]
async fn a_job_and_its_dispatch_are_written_together_or_not_at_all() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    assert_eq!(dispatches(&db).await, 1);
    let job = db.job(id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.options.num_speakers),
        (JobStatus::Created, Some(2))
    );

    sqlx::query("ALTER TABLE Jobs RENAME TO Gone")
        .execute(&db.pool)
        .await
        .unwrap();
    let lost = NewJob {
        id: JobId::generate(),
        name: String::new(),
        options: JobOptions::default(),
        audio_bytes: 0,
        warning: None,
        owner: JobOwner::default(),
        source_url: None,
        webhook: None,
    };
    assert!(db.create_job(&lost).await.is_err());
    assert!(db.job(lost.id).await.unwrap().is_none());
}

#[tokio::test]
async fn reopening_keeps_jobs_and_migrates_once() {
    let (folder, db) = open().await;
    let id = create(&db).await;
    db.close().await;
    let db = Db::open(&folder.path().join("test.sqlite")).await.unwrap();
    assert!(db.job(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_worker_that_lost_its_job_changes_nothing() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    let first = claim(&db, id, DEAD).await;
    let second = claim(&db, id, ALIVE).await;
    assert_eq!((first.attempt, second.attempt, second.failures), (1, 2, 1));

    assert_eq!(
        db.beat_job(id, first.attempt, ALIVE, None, 50.0)
            .await
            .unwrap(),
        None
    );
    assert_eq!(db.stop_requested(id, first.attempt).await.unwrap(), None);
    let success = Outcome::Succeeded { warning: None };
    let late = db
        .finish_attempt(id, first.attempt, ATTEMPTS, &success)
        .await;
    assert_eq!(late.unwrap(), None);

    let done = db
        .finish_attempt(id, second.attempt, ATTEMPTS, &success)
        .await;
    assert_eq!(done.unwrap(), Some(JobStatus::Succeeded));
    let again = db
        .finish_attempt(id, second.attempt, ATTEMPTS, &success)
        .await;
    assert_eq!(again.unwrap(), None);
    assert!(matches!(
        db.claim_job(id, ALIVE, ATTEMPTS, true).await.unwrap(),
        Claim::Nothing
    ));
}

#[tokio::test]
async fn a_living_worker_keeps_its_job() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    let job = claim(&db, id, ALIVE).await;
    assert!(matches!(
        db.claim_job(id, ALIVE, ATTEMPTS, true).await.unwrap(),
        Claim::Busy
    ));
    // The dispatch that came too early comes again.
    assert_eq!(dispatches(&db).await, 2);
    let beat = db
        .beat_job(id, job.attempt, ALIVE, Some("embeddings"), 12.5)
        .await;
    assert_eq!(beat.unwrap(), Some(false));
    let job = db.job(id).await.unwrap().unwrap();
    assert_eq!(
        (job.step.as_deref(), job.percent),
        (Some("embeddings"), 12.5)
    );
}

#[tokio::test]
async fn a_job_that_keeps_failing_fails_with_its_reason() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    for expected in [JobStatus::Pending, JobStatus::Pending, JobStatus::Failed] {
        let job = claim(&db, id, ALIVE).await;
        let status = db.finish_attempt(id, job.attempt, ATTEMPTS, &retry()).await;
        assert_eq!(status.unwrap(), Some(expected));
    }
    let failure = db.job(id).await.unwrap().unwrap().failure.unwrap();
    assert_eq!(failure.code, "audio_unreadable");
    assert_eq!(
        failure.message,
        "gave up after 3 attempts; the last one: the disk is tired"
    );
}

#[tokio::test]
async fn a_job_that_kills_its_workers_fails_with_its_reason() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    for _ in 0..ATTEMPTS {
        claim(&db, id, DEAD).await;
    }
    let Claim::GaveUp(failure) = db.claim_job(id, ALIVE, ATTEMPTS, true).await.unwrap() else {
        panic!("the job should have been given up");
    };
    assert_eq!(failure.code, "worker_lost");
    let job = db.job(id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.failure),
        (JobStatus::Failed, Some(failure))
    );
}

#[tokio::test]
async fn the_last_attempt_of_a_job_that_loses_its_workers_waits_for_the_place_of_suspects() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    for _ in 0..ATTEMPTS - 1 {
        claim(&db, id, DEAD).await;
    }
    let before = dispatches(&db).await;
    let busy = db.claim_job(id, ALIVE, ATTEMPTS, false).await.unwrap();
    assert!(matches!(busy, Claim::Busy), "{busy:?}");
    assert_eq!(dispatches(&db).await, before + 1);
    let job = claim(&db, id, ALIVE).await;
    assert!(job.is_suspect(ATTEMPTS));
    // It stays one if it is handed back meanwhile.
    db.finish_attempt(id, job.attempt, ATTEMPTS, &Outcome::HandedBack)
        .await
        .unwrap();
    let busy = db.claim_job(id, ALIVE, ATTEMPTS, false).await.unwrap();
    assert!(matches!(busy, Claim::Busy), "{busy:?}");

    // One that failed of something else is none.
    let other = create(&db).await;
    for _ in 0..ATTEMPTS - 1 {
        let job = claim(&db, other, ALIVE).await;
        db.finish_attempt(other, job.attempt, ATTEMPTS, &retry())
            .await
            .unwrap();
    }
    let job = db.claim_job(other, ALIVE, ATTEMPTS, false).await.unwrap();
    assert!(matches!(job, Claim::Run(_)), "{job:?}");
}

#[tokio::test]
async fn handing_back_costs_no_attempt() {
    let (_folder, db) = open().await;
    let id = create(&db).await;
    for _ in 0..2 * ATTEMPTS {
        let job = claim(&db, id, ALIVE).await;
        let status = db
            .finish_attempt(id, job.attempt, ATTEMPTS, &Outcome::HandedBack)
            .await;
        assert_eq!(status.unwrap(), Some(JobStatus::Pending));
    }
    assert_eq!(db.job(id).await.unwrap().unwrap().failures, 0);
    assert_eq!(dispatches(&db).await, 1 + 2 * ATTEMPTS);
}

#[tokio::test]
async fn cancelling_depends_on_where_the_job_is() {
    let (_folder, db) = open().await;
    let waiting = create(&db).await;
    assert_eq!(db.cancel_job(waiting).await.unwrap(), Some(Cancel::Done));
    assert_eq!(
        db.cancel_job(waiting).await.unwrap(),
        Some(Cancel::TooLate(JobStatus::Canceled))
    );
    assert_eq!(db.cancel_job(JobId::generate()).await.unwrap(), None);

    let running = create(&db).await;
    let job = claim(&db, running, ALIVE).await;
    assert!(!db.delete_job(running).await.unwrap());
    assert_eq!(
        db.cancel_job(running).await.unwrap(),
        Some(Cancel::Requested)
    );
    assert_eq!(
        db.stop_requested(running, job.attempt).await.unwrap(),
        Some(true)
    );
    let ended = db
        .finish_attempt(running, job.attempt, ATTEMPTS, &Outcome::Canceled)
        .await;
    assert_eq!(ended.unwrap(), Some(JobStatus::Canceled));
    assert!(db.delete_job(running).await.unwrap());
    assert!(db.job(running).await.unwrap().is_none());

    // The worker that was asked to stop dies instead: the job does not run again.
    let orphan = create(&db).await;
    claim(&db, orphan, DEAD).await;
    db.cancel_job(orphan).await.unwrap();
    assert!(matches!(
        db.claim_job(orphan, ALIVE, ATTEMPTS, true).await.unwrap(),
        Claim::Nothing
    ));
    assert_eq!(
        db.job(orphan).await.unwrap().unwrap().status,
        JobStatus::Canceled
    );
}

/// What two workers and a client may do to one job.
#[derive(Debug, Clone, Copy)]
enum Move {
    Claim { alive: bool },
    Beat(i64),
    Succeed(i64),
    Retry(i64),
    HandBack(i64),
    Cancel,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let attempt = 0_i64..5;
    let one = prop_oneof![
        3 => any::<bool>().prop_map(|alive| Move::Claim { alive }),
        1 => attempt.clone().prop_map(Move::Beat),
        2 => attempt.clone().prop_map(Move::Succeed),
        2 => attempt.clone().prop_map(Move::Retry),
        1 => attempt.prop_map(Move::HandBack),
        1 => Just(Move::Cancel),
    ];
    prop::collection::vec(one, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_workers_do_a_job_ends_once(story in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_folder, db) = open().await;
            let id = create(&db).await;
            let mut endings = 0;
            for step in story {
                let before = db.job(id).await.unwrap().unwrap();
                let ended = |outcome| {
                    let db = db.clone();
                    async move {
                        let (attempt, outcome) = outcome;
                        db.finish_attempt(id, attempt, ATTEMPTS, &outcome).await.unwrap()
                    }
                };
                let status = match step {
                    Move::Claim { alive } => {
                        let lease = if alive { ALIVE } else { DEAD };
                        match db.claim_job(id, lease, ATTEMPTS, true).await.unwrap() {
                            Claim::GaveUp(_) => Some(JobStatus::Failed),
                            _ => None,
                        }
                    }
                    Move::Beat(attempt) => {
                        let alive = db.beat_job(id, attempt, ALIVE, None, 1.0).await.unwrap();
                        prop_assert_eq!(
                            alive.is_some(),
                            before.status == JobStatus::Running && before.attempt == attempt
                        );
                        None
                    }
                    Move::Succeed(attempt) => {
                        ended((attempt, Outcome::Succeeded { warning: None })).await
                    }
                    Move::Retry(attempt) => ended((attempt, retry())).await,
                    Move::HandBack(attempt) => ended((attempt, Outcome::HandedBack)).await,
                    Move::Cancel => {
                        db.cancel_job(id).await.unwrap();
                        None
                    }
                };
                let after = db.job(id).await.unwrap().unwrap();
                prop_assert!(after.attempt >= before.attempt);
                if before.status.is_final() {
                    prop_assert_eq!(before.status, after.status);
                    prop_assert_eq!(status, None);
                } else if after.status.is_final() {
                    endings += 1;
                }
            }
            prop_assert!(endings <= 1);
            Ok(())
        })?;
    }
}

pub(super) async fn create_with_webhook(db: &Db) -> JobId {
    let id = JobId::generate();
    let job = NewJob {
        id,
        name: "talk".to_owned(),
        options: JobOptions::default(),
        audio_bytes: 0,
        warning: None,
        owner: JobOwner::default(),
        source_url: Some("https://example.com/talk.wav".to_owned()),
        webhook: Some(Webhook {
            url: "https://example.com/hook".to_owned(),
            status_only: true,
        }),
    };
    db.create_job(&job).await.unwrap();
    id
}

async fn due(db: &Db, lease: Duration) -> Vec<Delivery> {
    db.claim_deliveries(10, lease).await.unwrap()
}

#[tokio::test]
async fn a_webhook_is_due_once_its_job_is_over_and_not_before() {
    let (_folder, db) = open().await;
    let id = create_with_webhook(&db).await;
    let job = claim(&db, id, ALIVE).await;
    assert_eq!(
        job.source_url.as_deref(),
        Some("https://example.com/talk.wav")
    );
    let again = db.finish_attempt(id, job.attempt, ATTEMPTS, &retry()).await;
    assert_eq!(again.unwrap(), Some(JobStatus::Pending));
    assert_eq!(due(&db, DEAD).await, []);
    let job = claim(&db, id, ALIVE).await;
    let ended = Outcome::Succeeded { warning: None };
    db.finish_attempt(id, job.attempt, ATTEMPTS, &ended)
        .await
        .unwrap();
    // A process that dies with a delivery in its hands leaves it due.
    let first = due(&db, DEAD).await;
    assert_eq!(first, due(&db, ALIVE).await);
    assert_eq!(due(&db, ALIVE).await, []);
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].job_id, first[0].failures), (id, 0));
    assert!(first[0].webhook.status_only);

    let reason = "http_error";
    db.postpone_delivery(id, reason, DEAD).await.unwrap();
    let second = due(&db, DEAD).await;
    assert_eq!(second[0].failures, 1);
    assert_eq!(second[0].reason.as_deref(), Some(reason));
    db.postpone_delivery(id, reason, ALIVE).await.unwrap();
    assert_eq!(due(&db, DEAD).await, []);
}

#[tokio::test]
async fn every_end_is_told_and_a_removed_job_is_not() {
    let (_folder, db) = open().await;
    let [canceled, failed, removed] = [
        create_with_webhook(&db).await,
        create_with_webhook(&db).await,
        create_with_webhook(&db).await,
    ];
    for id in [canceled, removed] {
        assert_eq!(db.cancel_job(id).await.unwrap(), Some(Cancel::Done));
    }
    let job = claim(&db, failed, ALIVE).await;
    let ended = Outcome::Failed(Failure::new("audio_empty", "nothing in it"));
    db.finish_attempt(failed, job.attempt, ATTEMPTS, &ended)
        .await
        .unwrap();
    assert!(db.delete_job(removed).await.unwrap());
    let mut told: Vec<_> = due(&db, DEAD).await.iter().map(|d| d.job_id).collect();
    told.sort_unstable();
    let mut expected = [canceled, failed];
    expected.sort_unstable();
    assert_eq!(told, expected);
    db.remove_delivery(canceled).await.unwrap();
    assert_eq!(due(&db, DEAD).await.len(), 1);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_page_by_page() {
    let (_folder, db) = open().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(create(&db).await);
    }
    ids.reverse();
    db.cancel_job(ids[1]).await.unwrap();
    let list = async |before, status, limit| {
        let jobs = db.jobs_before(before, status, None, limit).await.unwrap();
        jobs.iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 2).await, ids[..2]);
    assert_eq!(list(Some(ids[1]), None, 2).await, ids[2..4]);
    assert_eq!(list(Some(ids[4]), None, 2).await, []);
    let canceled = Some(JobStatus::Canceled);
    assert_eq!(list(None, canceled, 9).await, ids[1..2]);
    assert_eq!(list(Some(ids[1]), canceled, 9).await, []);
}
