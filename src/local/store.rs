//! The API server's store: etcd with its data, copied and put back as operators of clusters do.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::{LocalError, LocalResult};
use super::process::Process;

/// More revisions than any run writes: what counts them must end.
const MOST_REVISIONS: u32 = 100_000;

/// The data of etcd as they were at a moment.
#[derive(Debug)]
pub struct Snapshot {
    folder: PathBuf,
}

/// What becomes of the revisions that were counted since the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revisions {
    /// They are given out again: the files were copied back and nothing more.
    Again,
    /// They are passed over and count as forgotten, so that every watch lists anew: what
    /// etcd's own tool does with `--bump-revision` and `--mark-compacted`.
    PassedOver,
}

/// API server and etcd, which are stopped and started again while others use the control plane.
#[derive(Debug)]
pub(super) struct Store {
    // Fields are dropped in this order.
    pub(super) api_server: Process,
    pub(super) etcd: Process,
    /// Where etcd keeps its data.
    pub(super) data: PathBuf,
    /// Where etcd answers.
    pub(super) url: String,
}

impl Store {
    pub(super) async fn snapshot(&self, folder: PathBuf) -> LocalResult<Snapshot> {
        self.etcd.pause().await?;
        let copied = copy(&self.data, &folder);
        self.etcd.resume()?;
        copied.map(|()| Snapshot { folder })
    }

    /// Comes back with etcd on the older data, and the API server ended.
    pub(super) async fn put_back(
        &mut self,
        snapshot: &Snapshot,
        revisions: Revisions,
    ) -> LocalResult<()> {
        let reached = self.revision().await?;
        // Without its etcd it would not end in peace.
        self.api_server.terminate().await?;
        self.etcd.terminate().await?;
        fs::remove_dir_all(&self.data).map_err(LocalError::io("removing", &self.data))?;
        copy(&snapshot.folder, &self.data)?;
        self.etcd.start_again()?;
        if revisions == Revisions::Again {
            return Ok(());
        }
        let line = "ready to serve client requests";
        let within = std::time::Duration::from_mins(1);
        self.etcd
            .wait_for_line(line, within, |said| said.contains(line).then_some(()))
            .await?;
        for _ in 0..MOST_REVISIONS {
            if self.put().await? > reached {
                return self.compact().await;
            }
        }
        Err(LocalError::Unexpected(format!(
            "etcd does not come to revision {reached}"
        )))
    }

    pub(super) async fn compact(&self) -> LocalResult<()> {
        let revision = self.revision().await?;
        let all = json!({ "revision": revision.to_string(), "physical": true });
        self.call("compaction", &all).await.map(|_| ())
    }

    async fn revision(&self) -> LocalResult<u64> {
        let no_key = json!({ "key": "AA==" });
        revision(&self.call("range", &no_key).await?)
    }

    /// Writes something that is never read, outside of what the API server keeps.
    async fn put(&self) -> LocalResult<u64> {
        let nothing = json!({ "key": "AA==", "value": "AA==" });
        revision(&self.call("put", &nothing).await?)
    }

    async fn call(&self, what: &str, body: &Value) -> LocalResult<Value> {
        let failed = |error| LocalError::Unexpected(format!("etcd, {what}: {error}"));
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .map_err(failed)?;
        let reply = client
            .post(format!("{}/v3/kv/{what}", self.url))
            .json(body)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        reply.json().await.map_err(failed)
    }
}

fn revision(reply: &Value) -> LocalResult<u64> {
    reply
        .pointer("/header/revision")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| LocalError::Unexpected(format!("etcd told no revision: {reply}")))
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> LocalResult<()> {
    fs::create_dir_all(to).map_err(LocalError::io("making", to))?;
    for entry in fs::read_dir(from).map_err(LocalError::io("reading", from))? {
        let entry = entry.map_err(LocalError::io("reading", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(LocalError::io("copying", &source))?;
        }
    }
    Ok(())
}
