//! The sandbox's control API, as far as the demo uses it: the only file here that knows its paths
//! and members.

use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::Value;

use crate::local::error::{LocalError, LocalResult};

const BOUND: Duration = Duration::from_secs(10);

/// Speaks to the sandbox as its owner.
#[derive(Clone)]
pub(in crate::local) struct SandboxControl {
    http: Client,
    base: String,
    token: String,
}

/// What the control API answered: an actor's action may be refused, and the demo shows that.
#[derive(Clone, Debug)]
pub(in crate::local) struct Answer {
    /// The status.
    pub(in crate::local) status: StatusCode,
    /// The body, `null` if it has none.
    pub(in crate::local) body: Value,
}

impl Answer {
    /// Why it was refused, in the words of the sandbox.
    pub(in crate::local) fn detail(&self) -> String {
        let said = ["/detail", "/title"]
            .iter()
            .find_map(|member| self.body.pointer(member).and_then(Value::as_str));
        format!("{} {}", self.status.as_u16(), said.unwrap_or_default())
    }
}

impl SandboxControl {
    /// For a sandbox that serves at this URL with a certificate of this authority (PEM).
    pub(in crate::local) fn new(url: &str, authority: &[u8], token: String) -> LocalResult<Self> {
        let doing = || LocalError::http("preparing to speak to the sandbox");
        let certificate = Certificate::from_pem(authority).map_err(doing())?;
        let http = Client::builder()
            .tls_certs_only([certificate])
            .no_proxy()
            .timeout(BOUND)
            .build()
            .map_err(doing())?;
        Ok(Self {
            http,
            base: format!("{url}/control/v1"),
            token,
        })
    }

    /// The base of its paths, and the options by which curl speaks to it with this authority in a file. The token
    /// stands in no command that other users of the machine could read.
    pub(super) fn for_curl(&self, authority: &Path) -> (&str, String) {
        let options = format!(
            "silent\nshow-error\ncacert = \"{}\"\nheader = \"Authorization: Bearer {}\"\n",
            authority.display(),
            self.token
        );
        (&self.base, options)
    }

    /// Asks for something that has to be answered.
    pub(in crate::local) async fn get(&self, path: &str) -> LocalResult<Value> {
        let answer = self.call(Method::GET, path, None).await?;
        Self::granted(path, answer)
    }

    /// Does something that has to be granted.
    pub(in crate::local) async fn post(&self, path: &str, body: &Value) -> LocalResult<Value> {
        let answer = self.try_post(path, body).await?;
        Self::granted(path, answer)
    }

    /// Replaces something.
    pub(in crate::local) async fn put(&self, path: &str, body: &Value) -> LocalResult<Value> {
        let answer = self.call(Method::PUT, path, Some(body)).await?;
        Self::granted(path, answer)
    }

    /// Tries something that may be refused.
    pub(in crate::local) async fn try_post(&self, path: &str, body: &Value) -> LocalResult<Answer> {
        self.call(Method::POST, path, Some(body)).await
    }

    fn granted(path: &str, answer: Answer) -> LocalResult<Value> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(LocalError::Unexpected(format!(
            "the sandbox refused {path}: {}",
            answer.detail()
        )))
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> LocalResult<Answer> {
        let doing = || LocalError::http(format!("{method} {path}"));
        let mut request = self
            .http
            .request(method.clone(), format!("{}/{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = request.send().await.map_err(doing())?;
        let status = reply.status();
        let bytes = reply.bytes().await.map_err(doing())?;
        // An empty body and one that is no JSON are both an answer without members.
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, body })
    }
}
