//! Reads the operator while it works: its metrics with their moments, its memory, its processor time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::figures::{Calls, Readings, peak_memory, processor_seconds, resident_memory};
use crate::local::error::{LocalError, LocalResult};
use crate::local::process::Process;

const READ_EVERY: Duration = Duration::from_millis(200);

/// Reads the metrics until it is asked for what it read.
pub(super) struct Meter {
    url: String,
    http: reqwest::Client,
    readings: Arc<Mutex<Readings>>,
    reading: JoinHandle<()>,
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Meter {
    /// Begins to read at a health port.
    pub(super) fn start(health_port: u16) -> LocalResult<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(LocalError::http("preparing to read the metrics"))?;
        let url = format!("http://127.0.0.1:{health_port}/metrics");
        let readings: Arc<Mutex<Readings>> = Arc::default();
        let (kept, from, client) = (Arc::clone(&readings), url.clone(), http.clone());
        let reading = tokio::spawn(async move {
            loop {
                // A reading that fails is missing; the last one, which is needed, is taken by itself.
                if let Ok(calls) = metrics(&client, &from).await {
                    keep(&kept, calls);
                }
                tokio::time::sleep(READ_EVERY).await;
            }
        });
        Ok(Self {
            url,
            http,
            readings,
            reading,
        })
    }

    /// What the metrics say now.
    pub(super) async fn now(&self) -> LocalResult<Calls> {
        metrics(&self.http, &self.url).await
    }

    /// Takes a last reading, and answers it and all of them.
    pub(super) async fn end(self) -> LocalResult<(Calls, Readings)> {
        let last = self.now().await?;
        self.reading.abort();
        keep(&self.readings, last.clone());
        let readings = self
            .readings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ok((last, readings))
    }
}

fn keep(readings: &Mutex<Readings>, calls: Calls) {
    readings
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Timestamp::now().as_millisecond(), calls);
}

async fn metrics(http: &reqwest::Client, url: &str) -> LocalResult<Calls> {
    let doing = || LocalError::http("reading the operator's metrics");
    let reply = http.get(url).send().await.map_err(doing())?;
    let reply = reply.error_for_status().map_err(doing())?;
    Ok(Calls::parse(&reply.text().await.map_err(doing())?))
}

fn of_process<T>(
    process: &Process,
    file: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> LocalResult<T> {
    let pid = process
        .pid()
        .ok_or_else(|| LocalError::Unexpected(format!("{} does not run", process.name())))?;
    let path = PathBuf::from(format!("/proc/{pid}/{file}"));
    let text = std::fs::read_to_string(&path).map_err(LocalError::io("reading", &path))?;
    read(&text)
        .ok_or_else(|| LocalError::Unexpected(format!("{} tells something else", path.display())))
}

/// The most memory that was ever resident, in KiB.
pub(super) fn peak(process: &Process) -> LocalResult<u32> {
    of_process(process, "status", peak_memory)
}

/// The memory that is resident now, in KiB.
pub(super) fn resident(process: &Process) -> LocalResult<u32> {
    of_process(process, "status", resident_memory)
}

/// How many cores a process kept busy over a while.
pub(super) async fn cores(process: &Process, over: Duration) -> LocalResult<f64> {
    let used = || of_process(process, "stat", processor_seconds);
    let (before, began) = (used()?, Instant::now());
    tokio::time::sleep(over).await;
    Ok((used()? - before) / began.elapsed().as_secs_f64())
}
