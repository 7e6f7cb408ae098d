//! Why a command failed, in words, and its exit code.

use std::process::ExitCode;

use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// What is asked for cannot be done as things are.
    #[error("{0}")]
    Refused(String),
    /// A person must do something else first.
    #[error("{0}")]
    PersonMustAct(String),
    /// There is no way to the cluster.
    #[error("no way to the cluster: {0}")]
    Kubeconfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The API server refused, or was not reached.
    #[error("{doing}: {}", told(cause))]
    Api {
        /// What was tried.
        doing: String,
        /// What came of it, told whole above: as a source it would be told once more, with all its fields.
        cause: kube::Error,
    },
    /// Something cannot be written as JSON or YAML.
    #[error("this cannot be written so: {0}")]
    Format(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Standard output is closed, or a prompt got no answer.
    #[error("{0}")]
    Terminal(#[from] std::io::Error),
}

impl Failure {
    /// For what the API server answered to something.
    pub(super) fn api(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::Api { doing, cause }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::PersonMustAct(_) => ExitCode::from(3),
            // The reader of a pipe has had enough.
            Self::Terminal(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Self::Refused(_)
            | Self::Kubeconfig(_)
            | Self::Api { .. }
            | Self::Format(_)
            | Self::Terminal(_) => ExitCode::FAILURE,
        }
    }

    /// Whether it is not told: the reader has gone.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Self::Terminal(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// An error of the API server in words, causes included.
fn told(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        // Of the whole kind, not of one object.
        if status.code == 404
            && status
                .details
                .as_ref()
                .is_none_or(|details| details.name.is_empty())
        {
            return "the API server does not know this kind: the custom resources are not installed, \
                    or are those of another version"
                .to_owned();
        }
        return status.message.clone();
    }
    chain(error)
}

/// An error with its causes, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
