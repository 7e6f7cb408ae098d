//! A supervised child process: its log, its readiness, its end.
//!
//! Plain `std` processes, looked at from time to time, instead of tokio's: those belong to the
//! runtime that started them, and in a test binary each test has a runtime of its own while the
//! processes are shared.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{LocalError, LocalResult};
use super::guardian::Guardian;

const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// So often it is looked whether a process stands still.
const LOOKS_FOR_PAUSE: u32 = 200;
const TAIL_LINES: usize = 15;

/// Waits for the guardian to know the process before it becomes the program: if we are killed in
/// between, nothing was started that the guardian does not know of.
const GATE: &str = r#"read -r word && [ "$word" = go ] || exit 0; exec "$0" "$@" </dev/null"#;

/// When a process is ended, relative to the others: the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Rank {
    /// The store: an API server without it does not end on SIGTERM, so it goes last.
    Store = 0,
    /// The API server.
    ApiServer = 1,
    /// What talks to the API server.
    Client = 2,
    /// What talks to those.
    Outer = 3,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    rank: Rank,
    grace: Duration,
}

impl ProcessSpec {
    /// A program under a name that is unique in its supervisor; the log file has that name too.
    #[must_use]
    pub fn new(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            rank: Rank::Outer,
            grace: Duration::from_secs(5),
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I, S>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to its environment, which otherwise holds `PATH`, a `HOME` of its own and
    /// nothing: no proxy, no kubeconfig and no setting of the user's reaches it.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets when it is ended, relative to others.
    #[must_use]
    pub fn rank(mut self, rank: Rank) -> Self {
        self.rank = rank;
        self
    }

    /// Sets how long it has after SIGTERM until SIGKILL.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It had ended before it was asked to.
    Before(ExitStatus),
    /// It ended on SIGTERM, within its grace.
    Gracefully(ExitStatus),
    /// It had to be ended by SIGKILL, or that was asked for.
    Killed,
}

/// A running (or ended) process. Dropped, it is ended: SIGTERM, its grace, SIGKILL.
#[derive(Debug)]
pub struct Process {
    spec: ProcessSpec,
    log: PathBuf,
    log_from: u64,
    home: PathBuf,
    guardian: Arc<Guardian>,
    child: Option<Child>,
    ended: Option<ExitStatus>,
}

impl Process {
    pub(super) fn start(
        spec: ProcessSpec,
        logs: &Path,
        home: &Path,
        guardian: Arc<Guardian>,
    ) -> LocalResult<Self> {
        let mut process = Self {
            log: logs.join(format!("{}.log", spec.name)),
            log_from: 0,
            home: home.to_path_buf(),
            spec,
            guardian,
            child: None,
            ended: None,
        };
        process.launch()?;
        Ok(process)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its log: standard output and standard error of all its starts.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process number while it was not seen to have ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it again, with the same arguments. It must have ended.
    pub fn start_again(&mut self) -> LocalResult<()> {
        self.expect_ended()?;
        self.launch()
    }

    /// The same with other arguments.
    pub fn start_again_as(&mut self, spec: ProcessSpec) -> LocalResult<()> {
        self.expect_ended()?;
        self.spec = ProcessSpec {
            name: self.spec.name.clone(),
            ..spec
        };
        self.launch()
    }

    fn expect_ended(&mut self) -> LocalResult<()> {
        if self.look()?.is_some() {
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "{} is still running",
            self.spec.name
        )))
    }

    fn launch(&mut self) -> LocalResult<()> {
        let mut log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(LocalError::io("opening", &self.log))?;
        self.log_from = log
            .seek(SeekFrom::End(0))
            .map_err(LocalError::io("reading", &self.log))?;
        let errors = log
            .try_clone()
            .map_err(LocalError::io("opening", &self.log))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", GATE])
            .arg(&self.spec.program)
            .args(&self.spec.arguments)
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .envs(
                self.spec
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            // A group of its own: Ctrl-C reaches us alone, and we end it in its turn.
            .process_group(0);
        let mut child = command
            .spawn()
            .map_err(LocalError::io("starting", &self.spec.program))?;
        self.ended = None;
        let gate = child.stdin.take();
        let pid = child.id();
        self.child = Some(child);
        // If this fails the gate closes unopened, and the process ends by itself.
        self.guardian.watch(self.spec.rank, pid)?;
        if let Some(mut gate) = gate {
            gate.write_all(b"go\n")
                .map_err(LocalError::io("starting", &self.spec.program))?;
        }
        Ok(())
    }

    /// Looks whether it has ended by now.
    pub fn look(&mut self) -> LocalResult<Option<ExitStatus>> {
        let Some(child) = self.child.as_mut() else {
            return Ok(self.ended);
        };
        let pid = child.id();
        let status = child.try_wait().map_err(|source| LocalError::Io {
            doing: format!("looking at {}", self.spec.name),
            source,
        })?;
        if status.is_some() {
            self.child = None;
            self.ended = status;
            self.guardian.forget(pid)?;
        }
        Ok(status)
    }

    /// An error with its last lines if it has ended.
    pub fn expect_running(&mut self) -> LocalResult<()> {
        match self.look()? {
            None => Ok(()),
            Some(status) => Err(LocalError::Ended {
                part: self.spec.name.clone(),
                status: status.to_string(),
                tail: self.tail(),
            }),
        }
    }

    /// Comes back only if it ends by itself, with the error that shows its last lines.
    pub async fn ended(&mut self) -> LocalError {
        loop {
            if let Err(error) = self.expect_running() {
                return error;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Waits for the first line since its last start that `wanted` takes, and answers what it made
    /// of it.
    pub async fn wait_for_line<T>(
        &mut self,
        awaited: &str,
        within: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> LocalResult<T> {
        let deadline = Instant::now().checked_add(within);
        loop {
            // Looked at before the log is read: what it wrote last must not be missed.
            let running = self.expect_running();
            let text = self.output()?;
            if let Some(found) = text.lines().find_map(&wanted) {
                return Ok(found);
            }
            running?;
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return Err(self.not_ready(awaited, within));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What it wrote since its last start.
    pub fn output(&self) -> LocalResult<String> {
        let mut bytes = Vec::new();
        File::open(&self.log)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(self.log_from))?;
                file.read_to_end(&mut bytes)
            })
            .map_err(LocalError::io("reading", &self.log))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last lines of its log.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        lines
            .iter()
            .skip(from)
            .map(|line| format!("  {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(super) fn not_ready(&self, awaited: &str, within: Duration) -> LocalError {
        LocalError::NotReady {
            part: self.spec.name.clone(),
            awaited: awaited.into(),
            within,
            tail: self.tail(),
        }
    }

    /// Ends it with SIGTERM; after its grace with SIGKILL.
    pub async fn terminate(&mut self) -> LocalResult<Ending> {
        if let Some(status) = self.look()? {
            return Ok(Ending::Before(status));
        }
        self.signal_term();
        let deadline = Instant::now().checked_add(self.spec.grace);
        loop {
            if let Some(status) = self.look()? {
                return Ok(Ending::Gracefully(status));
            }
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return self.kill();
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends it with SIGKILL, and returns when it is gone.
    pub fn kill(&mut self) -> LocalResult<Ending> {
        if let Some(status) = self.look()? {
            return Ok(Ending::Before(status));
        }
        if let Some(mut child) = self.child.take() {
            let pid = child.id();
            let failed = |source| LocalError::Io {
                doing: format!("killing {}", self.spec.name),
                source,
            };
            child.kill().map_err(failed)?;
            self.ended = Some(child.wait().map_err(failed)?);
            self.guardian.forget(pid)?;
        }
        Ok(Ending::Killed)
    }

    /// Stops it where it stands (SIGSTOP), and returns when it does.
    pub async fn pause(&self) -> LocalResult<()> {
        self.signal("STOP")?;
        let stat = PathBuf::from(format!("/proc/{}/stat", self.pid().unwrap_or_default()));
        for _ in 0..LOOKS_FOR_PAUSE {
            let text = fs::read_to_string(&stat).map_err(LocalError::io("reading", &stat))?;
            // The name in brackets may hold anything; the state follows it.
            if text
                .rsplit_once(')')
                .is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(LocalError::Unexpected(format!(
            "{} does not stand still",
            self.spec.name
        )))
    }

    /// Lets it go on after [`Process::pause`].
    pub fn resume(&self) -> LocalResult<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> LocalResult<()> {
        let pid = self
            .pid()
            .ok_or_else(|| LocalError::Unexpected(format!("{} does not run", self.spec.name)))?;
        let sent = Command::new("sh")
            .args(["-c", r#"kill "-$0" "$1""#, name])
            .arg(pid.to_string())
            .stdin(Stdio::null())
            .output()
            .map_err(LocalError::io("signalling", &self.spec.program))?;
        if sent.status.success() {
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "SIG{name} did not reach {}",
            self.spec.name
        )))
    }

    /// The standard library sends only SIGKILL. The number cannot belong to another process: it is
    /// ours until we have reaped it.
    fn signal_term(&self) {
        if let Some(pid) = self.pid() {
            // If it cannot be sent, the grace passes and SIGKILL follows.
            let _unsent = Command::new("sh")
                .args(["-c", r#"kill -TERM "$0""#])
                .arg(pid.to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.guardian.has_kept() || !matches!(self.look(), Ok(None)) {
            return;
        }
        self.signal_term();
        let deadline = Instant::now().checked_add(self.spec.grace);
        while deadline.is_some_and(|deadline| Instant::now() < deadline) {
            if !matches!(self.look(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        // Nothing is left to do about a process that SIGKILL does not end.
        let _unkillable = self.kill();
    }
}
