//! The guardian: a small process that outlives this one by a moment and cleans up after it.
//!
//! Destructors do not run when a process is killed, so what has to be ended whatever happens is
//! ended by another process. The guardian is also how things end when nothing went wrong: there is
//! one way, and it is walked on every run.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{LocalError, LocalResult};
use super::process::Rank;

const SCRIPT: &str = include_str!("guardian.sh");

/// The running guardian. Dropping it ends everything that it watches and removes the folder.
#[derive(Debug)]
pub(super) struct Guardian {
    child: Mutex<Child>,
    pipe: Mutex<Option<ChildStdin>>,
    kept: AtomicBool,
}

impl Guardian {
    /// Starts a guardian over a folder.
    pub(super) fn start(folder: &Path) -> LocalResult<Self> {
        let failed = |source| LocalError::Io {
            doing: "starting the guardian with sh".into(),
            source,
        };
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "guardian"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C and a killed group must not reach it.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pipe = child.stdin.take();
        Ok(Self {
            child: Mutex::new(child),
            pipe: Mutex::new(pipe),
            kept: AtomicBool::new(false),
        })
    }

    /// From now on this process is ended if we end.
    pub(super) fn watch(&self, rank: Rank, pid: u32) -> LocalResult<()> {
        self.say(&format!("watch {} {pid}", rank as u8))
    }

    /// The same for a process of an earlier run, known by its start time.
    pub(super) fn watch_line(&self, line: &str) -> LocalResult<()> {
        self.say(line)
    }

    /// This process was ended and reaped; its number may belong to another process.
    pub(super) fn forget(&self, pid: u32) -> LocalResult<()> {
        self.say(&format!("forget {pid}"))
    }

    /// Leaves everything running and writes down what runs.
    pub(super) fn keep(&self, file: &Path) -> LocalResult<()> {
        self.say(&format!("keep {}", file.display()))?;
        self.wait();
        if file.exists() {
            self.kept.store(true, Ordering::Relaxed);
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "the guardian could not write {}",
            file.display()
        )))
    }

    /// Whether everything was left running on purpose.
    pub(super) fn has_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Ends everything and waits until that is done. Each process has a bound of its own.
    pub(super) fn end(&self) {
        drop(lock(&self.pipe).take());
        self.wait();
    }

    fn wait(&self) {
        // An error here means that the guardian is gone already: nothing is left to wait for.
        let _gone = lock(&self.child).wait();
    }

    fn say(&self, line: &str) -> LocalResult<()> {
        let mut pipe = lock(&self.pipe);
        let Some(pipe) = pipe.as_mut() else {
            return Err(LocalError::Unexpected("the guardian has ended".into()));
        };
        // One write: a line is either there or not, even if we are killed now.
        pipe.write_all(format!("{line}\n").as_bytes())
            .map_err(|source| LocalError::Io {
                doing: "telling the guardian".into(),
                source,
            })
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.end();
    }
}

/// A poisoned lock only means that a test panicked elsewhere: what it guards is still whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
