//! One side of the BSS: sends GETs and says what came of them. It knows the calls, and nothing of what their
//! answers mean for an upgrade.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderName;
use serde::de::DeserializeOwned;

use super::envelope::{self, Rows};
use super::forbidden::{Meaning, Rights};
use super::listing::{Ask, Which};
use super::options::Options;
use crate::bss::error::BssError;
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::Operation;
use crate::bss::transport::{
    Challenge, Effect, Failure, Get, Media, ReadOnly, Reply, ReplySize, Rules, Settings, call_span,
    clocked, ended,
};

/// Names the version of the API.
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");
/// No page is asked for with fewer rows.
const SMALLEST_PAGE: u16 = 10;

/// What a side remembers from adapter to adapter.
#[derive(Debug)]
pub(super) struct Memory {
    rights: Mutex<Rights>,
    page_size: AtomicU16,
    origin: Instant,
}

impl Memory {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            rights: Mutex::default(),
            page_size: AtomicU16::new(options.reading.page_size),
            origin: Instant::now(),
        }
    }

    fn rights(&self) -> MutexGuard<'_, Rights> {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One side.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) options: Options,
    http: ReadOnly,
    memory: Arc<Memory>,
}

/// A list that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Listed<'a> {
    pub(super) operation: Operation,
    pub(super) path: &'a [&'a str],
    pub(super) filter: Option<&'a str>,
    pub(super) which: Which,
}

/// What came of asking for a page.
pub(super) enum Paged<T> {
    Rows(Rows<T>),
    /// The reply did not come in time, or the server broke: smaller pages may do.
    TooSlow,
}

struct ByStatus<'a> {
    memory: &'a Memory,
    collection: &'a str,
}

impl Rules for ByStatus<'_> {
    fn throttles(&self, reply: &Reply) -> bool {
        match reply.status {
            429 => true,
            403 => {
                let now = self.memory.origin.elapsed();
                let mut rights = self.memory.rights();
                rights.refused(self.collection, now) == Meaning::Throttling
            }
            _ => false,
        }
    }

    /// The vendor says it with 401; a 403 is about rights or rates.
    fn refuses_the_login(&self, reply: &Reply) -> bool {
        reply.status == 401 || reply.challenge == Challenge::InvalidToken
    }
}

impl Side {
    pub(super) fn new(
        options: Options,
        settings: Settings,
        access: Access,
        memory: Arc<Memory>,
    ) -> Result<Self, BssError> {
        Ok(Self {
            options,
            http: ReadOnly::new(settings, access)?,
            memory,
        })
    }

    pub(super) fn limiter(&self) -> &Arc<Limiter> {
        self.http.limiter()
    }

    /// How many records may be asked for at a time.
    pub(super) fn at_once(&self) -> usize {
        usize::from(self.limiter().settings().concurrency.get()).clamp(1, 64)
    }

    /// A page of a list.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        list: &Listed<'_>,
        ask: &Ask,
    ) -> Result<Paged<T>, BssError> {
        let size = self.memory.page_size.load(Ordering::Relaxed);
        let rows = match list.which {
            Which::First => size,
            Which::Second => size.saturating_sub(size.checked_div(3).unwrap_or(0)).max(1),
        };
        let mut query = Vec::new();
        if let Ask::Link(link) = ask {
            let place = self.http.place(list.path);
            let place = place.map_err(|failure| failure.into_error(Effect::Read))?;
            query = place.query_of(link).ok_or_else(|| BssError::Malformed {
                detail: format!(
                    "the link to the next page of {} leads elsewhere, and is not followed",
                    list.path.join("/")
                ),
            })?;
        } else {
            if let Some(filter) = list.filter {
                query.push(("$filter".into(), filter.to_owned()));
            }
            query.push(("pageSize".into(), rows.to_string()));
            if let Ask::Page(number) = ask {
                query.push(("page".into(), number.to_string()));
            }
        }
        let get = self.form(list.path, query, ReplySize::Many);
        match self.send(list.operation, get).await {
            Ok(reply) => self
                .read(&reply, list.path, envelope::rows)
                .map(Paged::Rows),
            Err(Unanswered::Slow(_)) if self.halve(size) => Ok(Paged::TooSlow),
            Err(Unanswered::Slow(error) | Unanswered::Other(error)) => Err(error),
        }
    }

    /// The first page of a list, with fewer rows if it does not come otherwise.
    pub(super) async fn first_page<T: DeserializeOwned>(
        &self,
        list: &Listed<'_>,
    ) -> Result<Vec<T>, BssError> {
        loop {
            // Pages do not get smaller for ever: the smallest one that does not come is an error.
            if let Paged::Rows(rows) = self.page(list, &Ask::First).await? {
                return Ok(rows.all);
            }
        }
    }

    /// The first few rows of a list without a filter: the cheapest read of a collection.
    pub(super) async fn sample<T: DeserializeOwned>(
        &self,
        operation: Operation,
        path: &[&str],
        rows: u16,
    ) -> Result<Vec<T>, BssError> {
        let query = vec![("pageSize".into(), rows.to_string())];
        let get = self.form(path, query, ReplySize::Many);
        let reply = self.send(operation, get).await.map_err(Unanswered::error)?;
        self.read(&reply, path, envelope::rows)
            .map(|rows: Rows<T>| rows.all)
    }

    /// A list that is small, such as that of the add-ons of one subscription. It has no pages: one that tells
    /// of more than it shows is refused.
    pub(super) async fn small_list<T: DeserializeOwned>(
        &self,
        operation: Operation,
        path: &[&str],
    ) -> Result<Vec<T>, BssError> {
        let get = self.form(path, Vec::new(), ReplySize::One);
        let reply = self.send(operation, get).await.map_err(Unanswered::error)?;
        let rows: Rows<T> = self.read(&reply, path, envelope::rows)?;
        let shown = u64::try_from(rows.all.len()).unwrap_or(u64::MAX);
        let more = matches!(rows.next, envelope::Next::Link(_));
        if more || rows.total.is_some_and(|total| total != shown) {
            return Err(BssError::Malformed {
                detail: format!("{} has more records than its reply shows", path.join("/")),
            });
        }
        Ok(rows.all)
    }

    /// One record.
    pub(super) async fn record<T: DeserializeOwned>(
        &self,
        operation: Operation,
        path: &[&str],
    ) -> Result<T, BssError> {
        let get = self.form(path, Vec::new(), ReplySize::One);
        let reply = self.send(operation, get).await.map_err(Unanswered::error)?;
        self.read(&reply, path, envelope::record)
    }

    fn form<'a>(
        &'a self,
        path: &'a [&'a str],
        query: Vec<(std::borrow::Cow<'static, str>, String)>,
        reply: ReplySize,
    ) -> Get<'a> {
        let reading = &self.options.reading;
        Get {
            path,
            query,
            header: (API_VERSION, &self.options.api_version),
            within: match reply {
                ReplySize::One => reading.record_timeout,
                ReplySize::Many => reading.list_timeout,
            },
            reply,
        }
    }

    /// Whether pages were made smaller, so that the next one may come in time.
    fn halve(&self, size: u16) -> bool {
        let half = size.checked_div(2).unwrap_or(SMALLEST_PAGE);
        if half < SMALLEST_PAGE {
            return false;
        }
        tracing::info!(
            page_size = half,
            "a page did not come: smaller ones are asked for"
        );
        // Another call may have made them smaller already.
        self.memory.page_size.fetch_min(half, Ordering::Relaxed);
        true
    }

    fn read<T>(
        &self,
        reply: &Reply,
        path: &[&str],
        reader: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, BssError> {
        if !matches!(reply.media, Media::Json) {
            return Err(BssError::Malformed {
                detail: format!("{} answers with something else than JSON", path.join("/")),
            });
        }
        reader(&reply.body).map_err(|fault| BssError::Malformed {
            detail: self
                .http
                .clean(&format!("{} answers with {fault}", path.join("/"))),
        })
    }

    async fn send(&self, operation: Operation, get: Get<'_>) -> Result<Reply, Unanswered> {
        let path = get.path;
        let collection = collection(path);
        match self.once(operation, get).await {
            Err(Unanswered::Other(BssError::Forbidden { .. })) => {}
            other => return other,
        }
        // Refused; the cheapest read of the collection tells whether it is a matter of rights.
        let root = ["api", collection.as_str()];
        let query = vec![("pageSize".into(), "1".to_owned())];
        let cheap = self.form(&root, query, ReplySize::Many);
        match self.once(operation, cheap).await {
            Ok(_) => Err(Unanswered::Other(BssError::Throttled { after: None })),
            Err(Unanswered::Other(BssError::Forbidden { .. })) => {
                self.memory.rights().forbidden(&collection);
                Err(Unanswered::Other(BssError::Forbidden {
                    operation,
                    right: Some(format!(
                        "the API user may not read /api/{collection}; give it the right to read \
                         these records"
                    )),
                }))
            }
            Err(other) => Err(other),
        }
    }

    async fn once(&self, operation: Operation, get: Get<'_>) -> Result<Reply, Unanswered> {
        let path = get.path;
        let collection = collection(path);
        let rules = ByStatus {
            memory: &self.memory,
            collection: &collection,
        };
        let span = call_span(operation.as_str());
        let (result, times) = clocked(&span, self.http.get(get, &rules)).await;
        let sent = !result.as_ref().is_err_and(Failure::was_not_sent);
        let result = self.understood(operation, path, result);
        if result.is_ok() {
            self.memory.rights().readable(&collection);
        }
        let outcome = match &result {
            Ok(_) => "Ok",
            Err(Unanswered::Slow(error) | Unanswered::Other(error)) => error.class(),
        };
        ended(&span, outcome, times);
        if sent {
            let figures = self.limiter().figures();
            figures.called(operation.as_str(), outcome, times.took);
        }
        tracing::debug!(
            operation = operation.as_str(),
            path = path.join("/"),
            outcome,
            took = ?times.took,
            waited = ?times.waited,
            "asked the BSS"
        );
        result
    }

    fn understood(
        &self,
        operation: Operation,
        path: &[&str],
        result: Result<Reply, Failure>,
    ) -> Result<Reply, Unanswered> {
        let reply = match result {
            Ok(reply) => reply,
            Err(failure @ Failure::Lost(_)) => {
                return Err(Unanswered::Slow(failure.into_error(Effect::Read)));
            }
            Err(failure) => return Err(Unanswered::Other(failure.into_error(Effect::Read))),
        };
        let after = reply.retry_after;
        let what = path.join("/");
        if reply.throttled {
            return Err(Unanswered::Other(BssError::Throttled { after }));
        }
        let error = match reply.status {
            200 => return Ok(reply),
            401 => BssError::AuthRejected,
            403 => BssError::Forbidden {
                operation,
                right: None,
            },
            404 => BssError::NotFound {
                what: self.http.clean(&what),
            },
            503 => BssError::Unavailable {
                detail: format!("{what} answers with status 503"),
            },
            status @ 500.. => {
                return Err(Unanswered::Slow(BssError::Unavailable {
                    detail: format!("{what} answers with status {status}"),
                }));
            }
            400 => BssError::Malformed {
                detail: format!(
                    "{what} refuses the request (status 400): it may not know the filter"
                ),
            },
            status => BssError::Malformed {
                detail: format!("{what} answers with status {status}"),
            },
        };
        Err(Unanswered::Other(error))
    }
}

/// Why there is no reply to work with.
enum Unanswered {
    /// It did not come in time or was broken, which smaller pages may mend.
    Slow(BssError),
    Other(BssError),
}

impl Unanswered {
    fn error(self) -> BssError {
        match self {
            Self::Slow(error) | Self::Other(error) => error,
        }
    }
}

/// The collection that a path belongs to.
fn collection(path: &[&str]) -> String {
    path.get(1)
        .map(|name| name.to_lowercase())
        .unwrap_or_default()
}

/// Asks for several records at a time, and keeps what was answered although others failed.
pub(super) async fn several<T, F: Future<Output = Result<T, BssError>>>(
    ids: &BTreeSet<String>,
    ask: impl Fn(String) -> F,
) -> (Vec<(String, T)>, Option<BssError>) {
    let calls = ids.iter().map(|id| {
        let call = ask(id.clone());
        async move { (id.clone(), call.await) }
    });
    let mut answers = Vec::new();
    let mut failed = None;
    for (id, answer) in futures::future::join_all(calls).await {
        match answer {
            Ok(answer) => answers.push((id, answer)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (answers, failed)
}

/// How long one call of the port works before it says how far it is.
pub(super) const SLICE: Duration = Duration::from_secs(10);
