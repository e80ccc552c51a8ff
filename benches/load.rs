//! The server under load: how long a request takes, and how much memory it all does, while jobs wait
//! and run.
//!
//! `cargo bench --bench load [-- SECONDS]`: starts the program with its own settings and model, queues
//! 10,000 jobs, and for that long (60 by default) lets 200 clients ask for their job once a second, 50
//! follow theirs by events, and one read the list. Requests are measured at the client, on the
//! same machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed, and its result is what it prints"
)]

use std::f32::consts::TAU;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Cursor};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

const JOBS: usize = 10_000;
const POLLERS: usize = 200;
const STREAMS: usize = 50;
/// Clients that submit jobs at once.
const SUBMITTERS: usize = 16;
/// Between two requests of a client.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at the server's memory.
const LOOK: Duration = Duration::from_secs(5);
/// A short recording, of which all jobs but one are made, and a long one that runs all the while.
const SHORT_SECONDS: usize = 60;
const LONG_SECONDS: usize = 4 * 3600;

#[tokio::main]
async fn main() {
    diarist::outbound::provide_tls();
    let seconds = std::env::args().find_map(|argument| argument.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(60));
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    println!("load average        {}", load_average());
    println!("memory, idle        {} MiB", server.memory_mib());
    let client = Client::new();

    let url = server.url("/v1/diarize?name=long");
    let long = client.post(url).body(sound(LONG_SECONDS)).send().await;
    let long = id(long.unwrap()).await;
    let (ids, submitting) = submit(&server, &client).await;
    let rate = JOBS as f64 / submitting.took.as_secs_f64();
    println!("jobs submitted      {JOBS}, {rate:.0} a second, {submitting}");
    while status(&server, &client, &long).await != "running" {
        sleep(PAUSE / 10).await;
    }
    println!("memory, jobs queued {} MiB", server.memory_mib());

    let events = Arc::new(AtomicUsize::new(0));
    let mut streams = JoinSet::new();
    // The one that runs, and such as come soon.
    for id in std::iter::once(&long).chain(&ids).take(STREAMS) {
        let request = client.get(server.url(&format!("/v1/jobs/{id}/events")));
        streams.spawn(listen(request, Arc::clone(&events)));
    }
    let end = Instant::now() + duration;
    let mut pollers = JoinSet::new();
    for index in 0..POLLERS {
        let id = &ids[index * (JOBS / POLLERS)];
        let url = server.url(&format!("/v1/jobs/{id}"));
        pollers.spawn(poll(client.clone(), url, end));
    }
    let list = server.url("/v2/jobs?status=created");
    let list = tokio::spawn(poll(client.clone(), list, end));
    let mut memory = Vec::new();
    while Instant::now() < end {
        sleep(LOOK.min(end.saturating_duration_since(Instant::now()))).await;
        memory.push(server.memory_mib());
    }
    let polls =
        pollers
            .join_all()
            .await
            .into_iter()
            .fold(Requests::default(), |mut all, mut some| {
                all.latencies.append(&mut some.latencies);
                all.errors += some.errors;
                all
            });
    let listing = list.await.unwrap();
    streams.abort_all();
    let left = status(&server, &client, &long).await;
    println!("GET of a job        {polls}");
    println!("GET of the list     {listing}");
    println!("events heard        {}", events.load(Ordering::Relaxed));
    println!("memory every {LOOK:?}    {memory:?} MiB");
    println!("load average        {}", load_average());
    println!("the long job is     {left}");
    drop(server);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let is_trouble = |line: &&str| line.contains(" WARN ") || line.contains(" ERROR ");
    let troubles: Vec<&str> = log.lines().filter(is_trouble).collect();
    println!("warnings, errors    {}", troubles.len());
    for trouble in troubles.iter().take(5) {
        println!("  {}", trouble.chars().take(150).collect::<String>());
    }
}

/// The program, ended with its value.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        fs::write(
            folder.join("diarist.toml"),
            "data_dir = \"data\"\n[jobs]\nmax_waiting = 0\n",
        )
        .unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_diarist"))
            .arg("serve")
            .current_dir(folder)
            .env("DIARIST_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let address = stdout.lines().map(Result::unwrap).find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            rest.split(' ').next().map(str::to_owned)
        });
        Self {
            child,
            address: address.unwrap(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What of its memory is in use, as the kernel counts it.
    fn memory_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<u64>().unwrap() / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long requests took, and how many failed.
#[derive(Default)]
struct Requests {
    latencies: Vec<Duration>,
    errors: usize,
    took: Duration,
}

impl std::fmt::Display for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = |share: f64| {
            let index = (sorted.len() as f64 * share) as usize;
            let latency = sorted.get(index.min(sorted.len().saturating_sub(1)));
            latency.copied().unwrap_or_default().as_secs_f64() * 1000.0
        };
        let (count, errors) = (sorted.len(), self.errors);
        let (half, most, all) = (at(0.5), at(0.99), at(1.0));
        write!(
            f,
            "{count} requests, {errors} errors; ms: p50 {half:.1}, p99 {most:.1}, max {all:.1}"
        )
    }
}

impl Requests {
    /// Sends one; gives the answer if it was one.
    async fn send(&mut self, request: reqwest::RequestBuilder) -> Option<Value> {
        let begun = Instant::now();
        let answer = async {
            let response = request.send().await?.error_for_status()?;
            response.json().await
        };
        let answer = answer.await;
        self.latencies.push(begun.elapsed());
        self.errors += usize::from(answer.is_err());
        answer.ok()
    }
}

/// Asks once a second, clients spread over the second.
async fn poll(client: Client, url: String, end: Instant) -> Requests {
    let mut requests = Requests::default();
    let offset = url
        .bytes()
        .fold(0, |sum: u64, byte| sum * 31 % 997 + u64::from(byte));
    sleep(PAUSE * (offset % 1000) as u32 / 1000).await;
    let mut tick = interval(PAUSE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end {
        tick.tick().await;
        requests.send(client.get(&url)).await;
    }
    requests
}

/// Listens to a job's events for as long as they come.
async fn listen(request: reqwest::RequestBuilder, events: Arc<AtomicUsize>) {
    let mut stream = request.send().await.unwrap().bytes_stream();
    while let Some(Ok(bytes)) = stream.next().await {
        let text = String::from_utf8_lossy(&bytes);
        events.fetch_add(text.matches("event:").count(), Ordering::Relaxed);
    }
}

/// Submits all short jobs, made of one upload; gives their ids.
async fn submit(server: &Server, client: &Client) -> (Vec<String>, Requests) {
    let name = json!({"url": "media://short"});
    let input = client.post(server.url("/v1/media/input")).json(&name);
    let link: Value = input.send().await.unwrap().json().await.unwrap();
    let upload = client.put(link["url"].as_str().unwrap());
    let uploaded = upload.body(sound(SHORT_SECONDS)).send().await.unwrap();
    uploaded.error_for_status().unwrap();
    let begun = Instant::now();
    let mut submitters = JoinSet::new();
    for _ in 0..SUBMITTERS {
        let url = server.url("/v1/diarize");
        let (client, name) = (client.clone(), name.clone());
        submitters.spawn(async move {
            let mut requests = Requests::default();
            let mut ids = Vec::new();
            for _ in 0..JOBS / SUBMITTERS {
                let receipt = requests.send(client.post(&url).json(&name)).await;
                ids.push(receipt.unwrap()["jobId"].as_str().unwrap().to_owned());
            }
            (ids, requests)
        });
    }
    let (mut ids, mut all) = (Vec::new(), Requests::default());
    for (mut some, requests) in submitters.join_all().await {
        ids.append(&mut some);
        all.latencies.extend(requests.latencies);
    }
    all.took = begun.elapsed();
    ids.sort_unstable();
    (ids, all)
}

async fn id(response: reqwest::Response) -> String {
    let receipt: Value = response.json().await.unwrap();
    receipt["jobId"].as_str().unwrap().to_owned()
}

async fn status(server: &Server, client: &Client, id: &str) -> String {
    let url = server.url(&format!("/v1/jobs/{id}"));
    let job: Value = client.get(url).send().await.unwrap().json().await.unwrap();
    job["status"].as_str().unwrap().to_owned()
}

/// What passes for a voice, as an 8-bit WAV file of a telephone's rate: a tone with overtones that
/// comes and goes.
fn sound(seconds: usize) -> Vec<u8> {
    const RATE: usize = 8000;
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 8,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut wav, spec).unwrap();
    for index in 0..seconds * RATE {
        let time = (index % (600 * RATE)) as f32 / RATE as f32;
        let pitch = 120.0 + 20.0 * (TAU * 0.7 * time).sin();
        let voice: f32 = (1..6_u8)
            .map(|n| (TAU * pitch * f32::from(n) * time).sin() / f32::from(n))
            .sum();
        let syllables = (TAU * 4.0 * time).sin().max(0.0);
        writer
            .write_sample((voice * syllables * 40.0) as i8)
            .unwrap();
    }
    writer.finalize().unwrap();
    wav.into_inner()
}

fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
