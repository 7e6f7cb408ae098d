//! Programs that run to their end: kubectl and helm, with one kubeconfig.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::error::{LocalError, LocalResult};

/// No command here takes longer unless something is wrong.
const BOUND: Duration = Duration::from_mins(1);

/// What a command answered.
#[derive(Clone, Debug)]
pub struct ToolOutput {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Exit code or signal, in words.
    pub status: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// A program bound to a kubeconfig.
#[derive(Clone, Debug)]
pub struct Tool {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

impl Tool {
    pub(super) fn new(program: PathBuf, kubeconfig: PathBuf, home: PathBuf) -> Self {
        Self {
            program,
            kubeconfig,
            home,
        }
    }

    /// The same program as another user.
    #[must_use]
    pub fn with_kubeconfig(&self, kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: kubeconfig.to_path_buf(),
            ..self.clone()
        }
    }

    /// Runs it and answers its standard output; an error if it fails.
    pub async fn run<I, S>(&self, arguments: I) -> LocalResult<String>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        self.run_with_input(arguments, "").await
    }

    /// The same with text on its standard input.
    pub async fn run_with_input<I, S>(&self, arguments: I, input: &str) -> LocalResult<String>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let output = self.output(arguments.clone(), input).await?;
        if output.success {
            return Ok(output.stdout);
        }
        Err(LocalError::Command {
            command: self.line(&arguments),
            status: output.status,
            stderr: output.stderr.trim().to_owned(),
        })
    }

    /// Runs it and answers everything; a failure of the command is an answer.
    pub async fn output<I, S>(&self, arguments: I, input: &str) -> LocalResult<ToolOutput>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let failed = |source| LocalError::Io {
            doing: format!("running `{}`", self.line(&arguments)),
            source,
        };
        let mut child = Command::new(&self.program)
            .args(&arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(super::project::folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input may close it: its exit code tells.
                let _closed = stdin.write_all(input.as_bytes()).await;
            }
        };
        let run = async { tokio::join!(write, child.wait_with_output()).1 };
        let output = tokio::time::timeout(BOUND, run)
            .await
            .map_err(|_| LocalError::Command {
                command: self.line(&arguments),
                status: format!("not finished within {BOUND:?}"),
                stderr: String::new(),
            })?
            .map_err(failed)?;
        Ok(ToolOutput {
            success: output.status.success(),
            status: output.status.to_string(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn line(&self, arguments: &[OsString]) -> String {
        let mut line = self
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for argument in arguments {
            line.push(' ');
            line.push_str(&argument.to_string_lossy());
        }
        line
    }
}
