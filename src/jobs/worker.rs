//! Taking dispatches off the queue.
//!
//! apalis brings the queue, its polling and the recovery of dispatches whose worker died; what a
//! dispatch leads to is in `attempt`. Each [`Lane`] has its own queue and its own worker.
//!
//! A job that has left the model behind it gives its place to the next one: clustering never keeps
//! the model idle. As many jobs may be there as have places.

use std::{pin::pin, sync::Arc, time::Duration};

use apalis::prelude::{
    BackendExt as _, BoxDynError, Data, WorkerBuilder, WorkerBuilderExt as _, WorkerError,
};
use apalis_sqlite::Config;
use futures::{Stream, StreamExt as _, stream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Environment, attempt, clock};
use crate::db::{Dispatch, Lane};

/// How long a worker that lost its connection to the queue waits before it comes back.
const RESTART: Duration = Duration::from_secs(1);

/// How long a worker that was told to stop may take to. With jobs that run it waits for them, and does
/// nothing else meanwhile: what it was about to fetch, it holds in the middle of a transaction, and
/// the jobs could not be written to the database. Then it is dropped; jobs end without it, and their
/// dispatches, which nobody takes for handled then, find nothing to do when they come again.
const LEAVING: Duration = Duration::from_millis(500);

/// A worker says it is alive this often within its lease.
const HEARTBEATS_PER_LEASE: u32 = 3;

/// Runs jobs until `shutdown` is cancelled. Jobs that then run have `grace` to finish; those that
/// need longer go back to the queue.
pub async fn run(environment: Environment, shutdown: CancellationToken, grace: Duration) {
    let environment = Arc::new(environment);
    let hand_back = environment.hand_back.clone();
    let patience = {
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            shutdown.cancelled().await;
            tokio::time::sleep(grace).await;
            hand_back.cancel();
        })
    };
    let lanes = Lane::ALL.map(|lane| serve(&environment, lane, &shutdown));
    tokio::join!(
        futures::future::join_all(lanes),
        clock::mend(Arc::clone(&environment), shutdown.clone()),
    );
    // Jobs that outlived their worker.
    environment.running.close();
    environment.running.wait().await;
    patience.abort();
}

/// Takes dispatches of one lane until `shutdown` is cancelled.
async fn serve(environment: &Arc<Environment>, lane: Lane, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        match work(environment, lane, shutdown).await {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%error, "the worker lost its queue and starts again");
                // Jobs it had go on and finish by themselves.
                tokio::select! {
                    () = tokio::time::sleep(RESTART) => {}
                    () = shutdown.cancelled() => {}
                }
            }
        }
    }
}

async fn work(
    environment: &Arc<Environment>,
    lane: Lane,
    shutdown: &CancellationToken,
) -> Result<(), WorkerError> {
    let settings = &environment.settings;
    let config = Config::default()
        .queue(lane.queue())
        // Whoever takes more dispatches than it can run keeps them from idle workers.
        .batch_size(1)
        .heartbeat_interval(settings.lease() / HEARTBEATS_PER_LEASE)
        .missed_heartbeats(HEARTBEATS_PER_LEASE as usize);
    let looks = looks(Arc::clone(environment), lane).boxed();
    let backend = environment
        .db
        .queue()
        .with_config(config)
        .poll_with_stream(looks);
    // A name of its own: the queue takes a worker that comes back under its old one for a second
    // worker as long as the first has not missed its heartbeats.
    let worker = WorkerBuilder::new(format!("{}-{}", lane.queue(), Uuid::now_v7()))
        .backend(backend)
        .data((Arc::clone(environment), lane))
        .concurrency(settings.concurrency(lane))
        .build(handle);
    let (stopping, shutdown) = (shutdown.clone(), shutdown.clone());
    let signal = async move {
        shutdown.cancelled().await;
        Ok::<(), WorkerError>(())
    };
    let left = async {
        stopping.cancelled().await;
        tokio::time::sleep(LEAVING).await;
    };
    tokio::select! {
        ended = worker.run_until(signal) => ended,
        () = left => Ok(()),
    }
}

async fn handle(
    dispatch: Dispatch,
    context: Data<(Arc<Environment>, Lane)>,
) -> Result<(), BoxDynError> {
    let (environment, lane) = &*context;
    let Dispatch::Run { job_id } = dispatch;
    let id = match job_id.parse() {
        Ok(id) => id,
        Err(error) => {
            // Trying again would not help.
            tracing::error!(job_id, %error, "a dispatch names no job");
            return Ok(());
        }
    };
    let past_model = CancellationToken::new();
    // A task of its own, which goes on if this worker loses its queue and is dropped.
    let attempt = attempt::attempt(Arc::clone(environment), id, past_model.clone());
    let mut attempt = environment.running.spawn(attempt);
    tokio::select! {
        result = &mut attempt => return Ok(result??),
        () = past_model.cancelled() => {}
    }
    if *lane == Lane::Long
        && let Ok(permit) = Arc::clone(&environment.past_model).try_acquire_owned()
        // The queue takes this dispatch for handled; should the process die, another one has to
        // come for the job.
        && let Ok(()) = environment.db.dispatch_again(id, *lane, environment.settings.lease()).await
    {
        environment.running.spawn(async move {
            // How it ended is in the job's row; if that could not be written, the other dispatch
            // comes.
            drop(attempt.await);
            drop(permit);
        });
        return Ok(());
    }
    Ok(attempt.await??)
}

/// When to look for work: when a job was queued here, and now and then, for those queued by other
/// processes and those whose time has come.
fn looks(environment: Arc<Environment>, lane: Lane) -> impl Stream<Item = ()> + Send {
    let poll = environment.settings.poll();
    stream::unfold(environment, move |environment| async move {
        {
            let woken = pin!(environment.wake.woken(lane));
            // Either way it is time to look.
            let _ = tokio::time::timeout(poll, woken).await;
        }
        Some(((), environment))
    })
}
