//! What can go wrong while the local world is built.

use std::io;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

/// Why something in the local world failed.
#[derive(Debug, Error)]
pub enum LocalError {
    /// The machine refused something: a file, a folder, a process.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the machine said.
        source: io::Error,
    },
    /// A part ended although it should run.
    #[error("{part} ended ({status}); its last lines:\n{tail}")]
    Ended {
        /// The part.
        part: String,
        /// Exit code or signal.
        status: String,
        /// The last lines of its log.
        tail: String,
    },
    /// A part was not ready in time.
    #[error("{part} was not ready within {within:?} ({awaited}); its last lines:\n{tail}")]
    NotReady {
        /// The part.
        part: String,
        /// What was awaited.
        awaited: String,
        /// The bound.
        within: Duration,
        /// The last lines of its log.
        tail: String,
    },
    /// A command that runs to its end failed.
    #[error("`{command}` failed ({status}): {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// Exit code or signal.
        status: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// A call to the API server failed.
    #[error("{doing}: the API server refused or did not answer")]
    Kube {
        /// What was being done.
        doing: String,
        /// What the client said.
        source: Box<kube::Error>,
    },
    /// A kubeconfig could not be used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// Something expected was not observed in time.
    #[error("waited {within:?} for {awaited}; last seen: {last}")]
    NotObserved {
        /// What was awaited.
        awaited: String,
        /// The bound.
        within: Duration,
        /// The last observed value.
        last: String,
    },
    /// A call to the sandbox failed.
    #[error("{doing}: the sandbox did not answer")]
    Http {
        /// What was being done.
        doing: String,
        /// What the client said.
        source: reqwest::Error,
    },
    /// Something that was observed is not what it has to be.
    #[error("{0}")]
    Unexpected(String),
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// What everything here answers.
pub type LocalResult<T> = Result<T, LocalError>;

impl LocalError {
    /// Names what was being done to a path when the machine refused.
    pub(crate) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let doing = format!("{doing} {}", path.display());
        move |source| Self::Io { doing, source }
    }

    /// Names what was being asked of the API server.
    pub fn kube(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Kube {
            doing,
            source: Box::new(source),
        }
    }

    /// Names what was being asked of the sandbox.
    pub fn http(doing: impl Into<String>) -> impl FnOnce(reqwest::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Http { doing, source }
    }

    /// The error with all its causes, on one line each.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str("\n  because: ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
