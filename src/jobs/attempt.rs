//! One attempt at a job: claim it, run it, keep its results, say how it ended.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use metrics::{counter, gauge, histogram};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Environment,
    diarize::{self, Done, Inputs},
    failure::AttemptError,
    fetch,
    metrics::{AUDIO_SECONDS, JOB_DURATION, JOBS_TOTAL, REAL_TIME_FACTOR, RUNNING, STEP_DURATION},
    progress::{Progress, Stop},
    recording, voices,
};
use crate::{
    db::{Claim, DbError, Failure, JobRecord, Lane, Outcome, Task},
    domain::{JobId, JobStatus, Step},
    formats::metrics::Metrics,
    storage::{Artefact, AudioSlot, StorageError},
};

/// How often a running job's row is looked at, and written if the job has come further: a wish to
/// cancel is seen this soon, and progress shows this finely.
const TICK: Duration = Duration::from_millis(250);

/// How long work that was asked to stop is waited for. A thread in the middle of a long step is left
/// to find out by itself: it has nothing any more that it could write to. With a tick before it
/// this is well below the second in which a wish to cancel takes effect.
const STOPPING: Duration = Duration::from_millis(400);

/// A job that waits for an operator is looked at again after this long at most.
const LONGEST_POSTPONEMENT: Duration = Duration::from_mins(5);

/// A write about a job that the database refuses is tried this often, a second apart.
const DATABASE_TRIES: usize = 10;

/// Before a dispatch whose job could not be read goes back to the queue.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Runs job `id` if it is there to be run; cancels `past_model` once the job needs the model no
/// more.
///
/// # Errors
/// When the database does not answer: the dispatch comes again.
pub(super) async fn attempt(
    environment: Arc<Environment>,
    id: JobId,
    past_model: CancellationToken,
) -> Result<(), DbError> {
    let settings = &environment.settings;
    let attempts = i64::from(settings.attempts);
    let place = Arc::clone(&environment.suspects).try_acquire_owned().ok();
    let claim = environment
        .db
        .claim_job(id, settings.lease(), attempts, place.is_some())
        .await;
    let job = match claim {
        Ok(Claim::Run(job)) => job,
        Ok(Claim::Busy) => return Ok(()),
        Ok(Claim::Nothing) => {
            recording::forget_checkpoints(&environment, id).await;
            return Ok(());
        }
        Ok(Claim::GaveUp(failure)) => {
            tracing::warn!(job = %id, code = failure.code, "gave up: {}", failure.message);
            counter!(JOBS_TOTAL, "status" => "failed").increment(1);
            recording::forget_checkpoints(&environment, id).await;
            return Ok(());
        }
        Err(error) => {
            tracing::error!(job = %id, %error, "the job could not be claimed");
            tokio::time::sleep(DATABASE_PAUSE).await;
            return Err(error);
        }
    };
    // The others leave the place to whoever needs it.
    let _place = place.filter(|_| job.is_suspect(attempts));
    tracing::info!(job = %id, attempt = job.attempt, bytes = job.audio_bytes, "job started");
    gauge!(RUNNING).increment(1);
    let start = Instant::now();
    let outcome = run(&environment, &job, past_model).await;
    gauge!(RUNNING).decrement(1);
    let Some(outcome) = outcome else {
        tracing::warn!(job = %id, attempt = job.attempt, "another worker has the job");
        return Ok(());
    };
    let status = finish(&environment, &job, &outcome).await?;
    if status.is_some_and(JobStatus::is_final) {
        recording::forget_checkpoints(&environment, id).await;
    }
    report(&job, &outcome, status, start.elapsed());
    Ok(())
}

/// `None` if the job was lost to another worker.
async fn run(
    environment: &Arc<Environment>,
    job: &JobRecord,
    past_model: CancellationToken,
) -> Option<Outcome> {
    let progress = Arc::new(Progress::new(past_model));
    let work = work(environment, job, &progress);
    let kept = watch(environment, job, &progress, work).await;
    match (kept, progress.stop_requested()) {
        (Ok(warning), _) => Some(Outcome::Succeeded { warning }),
        (Err(AttemptError::Stopped), Some(Stop::Canceled)) => Some(Outcome::Canceled),
        (Err(AttemptError::Stopped), Some(Stop::Lost)) => None,
        (Err(AttemptError::Stopped), Some(Stop::HandBack) | None) => Some(Outcome::HandedBack),
        (Err(AttemptError::Permanent(failure)), _) => Some(Outcome::Failed(failure)),
        (Err(AttemptError::Retryable(failure)), _) => Some(Outcome::Retry {
            failure,
            delay: environment.settings.retry_delay(job.failures),
        }),
        (Err(AttemptError::Postponed(reason)), _) => Some(Outcome::Postponed {
            reason,
            delay: LONGEST_POSTPONEMENT.min(environment.settings.retry_delay(job.attempt)),
        }),
    }
}

/// Fetches recordings that did not come with the job, works on them and keeps the results;
/// gives the warning that goes with them.
async fn work(
    environment: &Arc<Environment>,
    job: &JobRecord,
    progress: &Arc<Progress>,
) -> Result<Option<String>, AttemptError> {
    if let Task::Verify {
        second_url: Some(url),
        ..
    } = &job.options.task
    {
        fetched(environment, job, url.clone(), AudioSlot::Second).await?;
    }
    if let Some(url) = job.source_url.clone() {
        fetched(environment, job, url, AudioSlot::First).await?;
        // Only now is it known in which lane the recording belongs.
        let now = environment.db.job(job.id).await;
        let now = now.map_err(|error| AttemptError::internal("the job was not read", &error))?;
        if now.is_some_and(|now| Lane::of(now.audio_bytes) != Lane::of(job.audio_bytes)) {
            return Err(AttemptError::Stopped);
        }
    }
    let thread = start(environment, job, progress).await?;
    // A panic: its hook has logged it. Another attempt may fare better.
    let done = thread
        .await
        .unwrap_or_else(|_| Err(AttemptError::crashed()))?;
    keep(environment, job, done).await
}

/// Fetches one of the job's recordings.
async fn fetched(
    environment: &Arc<Environment>,
    job: &JobRecord,
    url: String,
    slot: AudioSlot,
) -> Result<(), AttemptError> {
    let fetching = {
        let (environment, job) = (Arc::clone(environment), job.clone());
        tokio::spawn(async move { fetch::fetch(&environment, &job, &url, slot).await })
    };
    let fetched = AbortOnDropHandle::new(fetching).await;
    fetched.unwrap_or_else(|_| Err(AttemptError::crashed()))
}

/// What the job works on.
async fn inputs(environment: &Environment, job: &JobRecord) -> Result<Inputs, AttemptError> {
    let storage = &environment.storage;
    let came_with_it = async |artefact| match storage.get_artefact(job.id, 0, artefact).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StorageError::Missing(_)) => Ok(None),
        Err(error) => Err(AttemptError::from(error)),
    };
    let second = match job.options.task {
        Task::Verify { second: true, .. } => {
            Some(storage.open_audio(job.id, AudioSlot::Second).await?)
        }
        _ => None,
    };
    let reference = came_with_it(Artefact::Reference).await?;
    let voiceprints = match came_with_it(Artefact::Voiceprints).await? {
        Some(json) => voices::enrolments(&json, environment.space())?,
        None => Vec::new(),
    };
    Ok(Inputs {
        audio: storage.open_audio(job.id, AudioSlot::First).await?,
        second,
        reference: reference.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        voiceprints,
    })
}

/// Puts the job on a thread of its own.
async fn start(
    environment: &Arc<Environment>,
    job: &JobRecord,
    progress: &Arc<Progress>,
) -> Result<JoinHandle<Result<Done, AttemptError>>, AttemptError> {
    let inputs = inputs(environment, job).await?;
    let (environment, job) = (Arc::clone(environment), job.clone());
    let progress = Arc::clone(progress);
    let span = tracing::info_span!("job", job.id = %job.id, job.attempt = job.attempt);
    Ok(tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        diarize::work(&environment, &job, &inputs, &progress)
    }))
}

/// Waits for the work, renewing the lease, writing progress and passing on wishes to stop. Work
/// that does not stop soon by itself is left behind.
async fn watch<T>(
    environment: &Environment,
    job: &JobRecord,
    progress: &Progress,
    work: impl Future<Output = Result<T, AttemptError>>,
) -> Result<T, AttemptError> {
    let mut work = pin!(work);
    let lease = environment.settings.lease();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_written = (Instant::now(), (None, 0.0));
    let mut deadline = None;
    loop {
        if deadline.is_none() && progress.stop_requested().is_some() {
            deadline = Some(Instant::now() + STOPPING);
        }
        tokio::select! {
            () = until(deadline) => return Err(AttemptError::Stopped),
            result = &mut work => return result,
            () = environment.hand_back.cancelled(), if progress.stop_requested().is_none() => {
                progress.request_stop(Stop::HandBack);
            }
            _ = tick.tick() => {
                let now = progress.read();
                let db = &environment.db;
                let due = last_written.0.elapsed() >= lease / 3;
                let stop = if due || now != last_written.1 {
                    let (step, percent) = now;
                    let step = step.map(Step::as_str);
                    let stop = db.beat_job(job.id, job.attempt, lease, step, percent).await;
                    if stop.is_ok() {
                        last_written = (Instant::now(), now);
                    }
                    stop
                } else {
                    db.stop_requested(job.id, job.attempt).await
                };
                match stop {
                    Ok(Some(false)) => {}
                    Ok(Some(true)) => progress.request_stop(Stop::Canceled),
                    Ok(None) => progress.request_stop(Stop::Lost),
                    // If it goes on, the lease ends and another worker takes over.
                    Err(error) => tracing::warn!(job = %job.id, %error, "the lease was not renewed"),
                }
            }
        }
    }
}

/// The deadline, or never.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Stores the results; gives the warning that goes with them.
async fn keep(
    environment: &Environment,
    job: &JobRecord,
    done: Done,
) -> Result<Option<String>, AttemptError> {
    for (artefact, bytes) in done.artefacts {
        environment
            .storage
            .put_artefact(job.id, job.attempt, artefact, bytes)
            .await?;
    }
    for metrics in &done.metrics {
        measure(metrics);
    }
    Ok(done.warning)
}

/// Counts what a recording cost.
fn measure(metrics: &Metrics) {
    counter!(AUDIO_SECONDS).increment(metrics.audio_seconds.round() as u64);
    if let Some(factor) = metrics.real_time_factor {
        histogram!(REAL_TIME_FACTOR).record(factor);
    }
    let seconds = &metrics.seconds;
    for (step, seconds) in [
        ("decode", seconds.decode),
        ("speech", seconds.speech),
        ("filterbank", seconds.filterbank),
        ("embedding", seconds.embedding),
        ("clustering", seconds.clustering),
        ("assembly", seconds.assembly),
    ] {
        histogram!(STEP_DURATION, "step" => step).record(seconds);
    }
}

/// Writes how the attempt ended, patiently: the work is done already.
async fn finish(
    environment: &Environment,
    job: &JobRecord,
    outcome: &Outcome,
) -> Result<Option<JobStatus>, DbError> {
    let attempts = i64::from(environment.settings.attempts);
    let mut tries = 0;
    loop {
        let finished = environment
            .db
            .finish_attempt(job.id, job.attempt, attempts, outcome)
            .await;
        tries += 1;
        match finished {
            Err(error) if tries < DATABASE_TRIES => {
                tracing::warn!(job = %job.id, %error, "the job's end was not written");
                tokio::time::sleep(DATABASE_PAUSE).await;
            }
            finished => return finished,
        }
    }
}

fn report(job: &JobRecord, outcome: &Outcome, status: Option<JobStatus>, elapsed: Duration) {
    let (id, attempt) = (job.id, job.attempt);
    let Some(status) = status else {
        tracing::warn!(job = %id, attempt, "the attempt ended after another worker had the job");
        return;
    };
    counter!(JOBS_TOTAL, "status" => status.as_str()).increment(1);
    let seconds = elapsed.as_secs_f64();
    match outcome {
        Outcome::Succeeded { .. } => {
            histogram!(JOB_DURATION).record(seconds);
            tracing::info!(job = %id, attempt, seconds, "job succeeded");
        }
        Outcome::Failed(Failure { code, message })
        | Outcome::Retry {
            failure: Failure { code, message },
            ..
        } => {
            tracing::warn!(job = %id, attempt, seconds, code, %status, "attempt failed: {message}");
        }
        Outcome::Postponed {
            reason: Failure { code, message },
            delay,
        } => {
            let delay = delay.as_secs_f64();
            tracing::warn!(job = %id, attempt, delay, code, "job postponed: {message}");
        }
        Outcome::Canceled => tracing::info!(job = %id, attempt, seconds, "job canceled"),
        Outcome::HandedBack => tracing::info!(job = %id, attempt, seconds, "job handed back"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audio::Limits,
        db::{Db, JobOptions, JobOwner, NewJob},
        jobs::{Settings, Wake},
        models::{self, Inference},
        outbound::{self, Outbound},
        pipeline::PipelineSettings,
        storage::{Keys, Storage},
    };

    const MODEL: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/models/sound.onnx"
    );

    async fn environment(folder: &std::path::Path) -> Environment {
        outbound::provide_tls();
        let model = models::Settings {
            path: Some(MODEL.into()),
            ..models::Settings::default()
        };
        let settings = Settings {
            concurrency: 1,
            short_concurrency: 1,
            attempts: 3,
            retry_seconds: 0.1,
            lease_seconds: 3,
            poll_seconds: 0.2,
            max_waiting: 10,
        };
        Environment::new(
            Db::open(&folder.join("test.sqlite")).await.unwrap(),
            Storage::open(folder, Keys::default()).unwrap(),
            Outbound::new(&outbound::Settings::default()).unwrap(),
            settings,
            Limits::default(),
            PipelineSettings::default(),
            crate::voices::Settings::default(),
            Inference::start(&model).unwrap(),
            Wake::default(),
        )
    }

    #[tokio::test]
    async fn a_wish_to_cancel_takes_effect_within_a_second_whatever_the_job_does() {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(folder.path()).await;
        let db = &environment.db;
        let id = JobId::generate();
        let job = NewJob {
            id,
            name: "talk".to_owned(),
            options: JobOptions::default(),
            audio_bytes: 3,
            warning: None,
            owner: JobOwner::default(),
            source_url: None,
            webhook: None,
        };
        db.create_job(&job).await.unwrap();
        let lease = environment.settings.lease();
        let Claim::Run(job) = db.claim_job(id, lease, 3, true).await.unwrap() else {
            panic!("nobody else has it");
        };
        let progress = Progress::default();
        let endless = std::future::pending::<Result<(), AttemptError>>();
        let cancel = async {
            tokio::time::sleep(2 * TICK).await;
            db.cancel_job(id).await.unwrap();
            Instant::now()
        };
        let (stopped, asked) = tokio::join!(
            async {
                let stopped = watch(&environment, &job, &progress, endless).await;
                (stopped, Instant::now())
            },
            cancel
        );
        assert!(matches!(stopped.0, Err(AttemptError::Stopped)));
        assert_eq!(progress.stop_requested(), Some(Stop::Canceled));
        let took = stopped.1 - asked;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}
