//! One request: who asks, what for, what goes wrong on purpose, what is answered.
//!
//! Errors of the framework never reach a client: every reply is the contract's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::bodies::{cut, html, oversized, repeating, slow};
use super::config::OAuthClient;
use super::contract::{self, Call, Reply, Schemas};
use super::control;
use super::faults::{Fault, Faults};
use super::interworks::{self, Face};
use super::oauth::{self, Side, TokenReply, TokenRequest};
use super::problem::{Refusal, problem};
use super::seen::Seen;
use super::store::Store;
use super::world::RESELLER;
use crate::bss::adapters::reference::contract::{
    ErrorClass, FENCING_EPOCH, IDEMPOTENCY_KEY, Operation, PROBLEM_JSON, Problem, TenantAccess,
};

/// No request of the contract is larger.
pub(super) const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// The connection is to be closed without a reply.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without a reply, as a fault asks")]
pub(super) struct Aborted;

/// What every request needs.
pub(super) struct App {
    pub(super) store: Store,
    pub(super) schemas: Schemas,
    pub(super) faults: Faults,
    pub(super) seen: Seen,
    pub(super) latency: Duration,
    pub(super) token: String,
    pub(super) tenant_token: Option<String>,
    pub(super) oauth_clients: Vec<OAuthClient>,
    pub(super) control_token: String,
    pub(super) interworks: Face,
}

impl App {
    /// Whether there are credentials for a tenant's own side.
    pub(super) fn opens_tenants(&self) -> bool {
        self.tenant_token.is_some() || self.oauth_clients.iter().any(|client| client.tenant)
    }
}

/// Answers a request.
pub(super) async fn answer(
    app: Arc<App>,
    request: Request<Body>,
) -> Result<Response<Body>, Aborted> {
    let (parts, body) = request.into_parts();
    let Some(path) = segments(&parts.uri) else {
        return Ok(refuse(&problem(
            ErrorClass::NotFound,
            "the path is not well formed",
        )));
    };
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tenant-reseller", "v1", rest @ ..] => {
            let side = match admit(&app, (&parts.method, &parts.headers), rest).await {
                Ok(side) => side,
                Err(problem) => return Ok(refuse(&problem)),
            };
            let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
            let Some((operation, id)) = contract::route(parts.method.as_str(), &rest) else {
                return Ok(refuse(&problem(
                    ErrorClass::NotFound,
                    "there is no such operation",
                )));
            };
            if let Some(account) = contract::account_in_path(operation, &id) {
                app.seen.note(account);
            }
            let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
                return Ok(refuse(&Refusal::too_large().into_problem()));
            };
            let call = Call {
                operation,
                id,
                query: query(&parts.uri),
                side,
                fencing_epoch: header(&parts.headers, FENCING_EPOCH),
                idempotency_key: header(&parts.headers, IDEMPOTENCY_KEY),
                body: body.to_vec(),
            };
            with_faults(app, Work::Contract(call)).await
        }
        ["oauth2", "token"] if !app.oauth_clients.is_empty() => {
            let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
                return Ok(refuse(&Refusal::too_large().into_problem()));
            };
            let request = TokenRequest {
                method: parts.method.as_str().to_owned(),
                authorization: header(&parts.headers, AUTHORIZATION.as_str()),
                body: body.to_vec(),
            };
            let counting = Arc::clone(&app);
            match off_thread(move || oauth::count(&counting.store)).await {
                Ok(Ok(())) => with_faults(app, Work::Token(request)).await,
                Ok(Err(refusal)) => Ok(refuse(&refusal.into_problem())),
                Err(lost) => Ok(refuse(&lost)),
            }
        }
        ["api", rest @ ..] if !app.interworks.logins.is_empty() => {
            let rest = rest.iter().map(|word| (*word).to_owned()).collect();
            Ok(interworks::serve(app, (parts, body), Some(rest)).await)
        }
        ["oauth", "token"] if !app.interworks.logins.is_empty() => {
            Ok(interworks::serve(app, (parts, body), None).await)
        }
        ["control", "v1", rest @ ..] => {
            if !bearer_is(&parts.headers, &app.control_token) {
                return Ok(refuse(&problem(
                    ErrorClass::AuthRejected,
                    "the token is not accepted",
                )));
            }
            let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
                return Ok(refuse(&Refusal::too_large().into_problem()));
            };
            let request = control::Request {
                reseller: app.store.ids().of(RESELLER),
                method: parts.method.as_str().to_owned(),
                path: rest.iter().map(|word| (*word).to_owned()).collect(),
                query: query(&parts.uri),
                body: body.to_vec(),
            };
            let outcome = off_thread(move || control::execute(&app, &request)).await;
            Ok(match outcome {
                Ok(Ok(value)) => json(StatusCode::OK, value.to_string().into_bytes()),
                Ok(Err(refusal)) => refuse(&refusal.into_problem()),
                Err(lost) => refuse(&lost),
            })
        }
        _ => Ok(refuse(&problem(
            ErrorClass::NotFound,
            "nothing is served here",
        ))),
    }
}

/// What is to be done, once it is known what goes wrong with it.
enum Work {
    Contract(Call),
    Token(TokenRequest),
}

impl Work {
    fn operation(&self) -> Option<Operation> {
        match self {
            Self::Contract(call) => Some(call.operation),
            Self::Token(_) => None,
        }
    }

    /// The operation with the id in its path.
    fn about(&self) -> Option<(Operation, String)> {
        match self {
            Self::Contract(call) => Some((call.operation, call.id.clone())),
            Self::Token(_) => None,
        }
    }
}

/// Who asks, if that side may ask for this path.
async fn admit(
    app: &Arc<App>,
    (method, headers): (&Method, &HeaderMap),
    path: &[&str],
) -> Result<Side, Problem> {
    let side = if bearer_is(headers, &app.token) {
        Some(Side::Distributor)
    } else if app
        .tenant_token
        .as_ref()
        .is_some_and(|token| bearer_is(headers, token))
    {
        Some(Side::Tenant)
    } else if let Some(token) = bearer(headers).filter(|_| !app.oauth_clients.is_empty()) {
        let (app, token) = (Arc::clone(app), token.to_owned());
        off_thread(move || oauth::side_of(&app.store, &token))
            .await?
            .map_err(|refusal| *refusal.into_problem())?
    } else {
        None
    };
    let both = matches!(path, ["identity" | "capabilities"]);
    let below_tenants = matches!(path, ["tenants", ..]);
    let access = app.store.switches().tenant_access;
    let own = access != TenantAccess::Shared;
    // Where only the tenant can tell about itself, it is asked where the distributor would be.
    let of_itself = access == TenantAccess::OwnAndOnly
        && *method == Method::GET
        && matches!(path, ["resellers", _, "tenant"]);
    match side {
        None => Err(problem(
            ErrorClass::AuthRejected,
            "the token is not accepted",
        )),
        Some(side) if both => Ok(side),
        Some(Side::Distributor) if below_tenants && own => Err(problem(
            ErrorClass::Forbidden,
            "tenants have credentials of their own",
        )),
        Some(Side::Tenant) if !below_tenants && !of_itself => Err(problem(
            ErrorClass::Forbidden,
            "these credentials are a tenant's",
        )),
        Some(side) => Ok(side),
    }
}

async fn with_faults(app: Arc<App>, work: Work) -> Result<Response<Body>, Aborted> {
    if app.latency.is_zero() || work.operation().is_none() {
        return without_latency(app, work).await;
    }
    // Half of it is the way there, before anything is looked at; the reply is back when all of it is
    // over, however long the work itself took of that.
    let (arrived, latency) = (Instant::now(), app.latency);
    tokio::time::sleep(latency.checked_div(2).unwrap_or_default()).await;
    let reply = without_latency(app, work).await;
    let left = latency.saturating_sub(arrived.elapsed());
    // On a thread of its own: the runtime's clock ticks in whole milliseconds, and always too late.
    drop(tokio::task::spawn_blocking(move || std::thread::sleep(left)).await);
    reply
}

async fn without_latency(app: Arc<App>, work: Work) -> Result<Response<Body>, Aborted> {
    let mut fault = None;
    if app.faults.any() {
        let drawing = Arc::clone(&app);
        let (operation, about) = (work.operation(), work.about());
        let drawn = off_thread(move || {
            let account = match about.filter(|_| drawing.faults.any_of_one_reseller()) {
                Some((operation, id)) => contract::account(&drawing.store, operation, &id)?,
                None => None,
            };
            drawing
                .faults
                .draw(&drawing.store, operation, account.as_deref())
        })
        .await;
        let drawn = match drawn {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(refusal)) => return Ok(refuse(&refusal.into_problem())),
            Err(lost) => return Ok(refuse(&lost)),
        };
        for each in drawn {
            if let Fault::Latency { ms } = each {
                tokio::time::sleep(Duration::from_millis(ms)).await;
            } else {
                fault = Some(each);
            }
        }
    }
    match fault {
        None => Ok(execute(app, work).await),
        Some(fault) => injected(app, work, fault).await,
    }
}

async fn injected(app: Arc<App>, work: Work, fault: Fault) -> Result<Response<Body>, Aborted> {
    match fault {
        Fault::Latency { .. } => Ok(execute(app, work).await),
        Fault::Throttle {
            retry_after_seconds,
        } => {
            let mut reply = refuse(&problem(ErrorClass::Throttled, "too many requests"));
            if let Some(seconds) = retry_after_seconds {
                reply
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            Ok(reply)
        }
        Fault::Unavailable503 => Ok(refuse(&problem(
            ErrorClass::Unavailable,
            "not available at the moment",
        ))),
        Fault::Error500 { after_effect } => {
            if after_effect {
                drop(execute(app, work).await);
            }
            Ok(refuse(&problem(
                ErrorClass::Internal,
                "something went wrong",
            )))
        }
        Fault::LoseReplyAfterEffect => {
            drop(execute(app, work).await);
            Err(Aborted)
        }
        Fault::LateEffect { delay_ms } => {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                drop(execute(app, work).await);
            });
            Err(Aborted)
        }
        Fault::Redirect { to } => {
            let mut reply = Response::new(Body::empty());
            *reply.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            if let Ok(to) = HeaderValue::from_str(&to) {
                reply.headers_mut().insert(LOCATION, to);
            }
            Ok(reply)
        }
        Fault::DuplicatePage => {
            let began = match &work {
                Work::Contract(call) => call.query.iter().find(|(name, _)| name == "cursor"),
                Work::Token(_) => None,
            };
            let began = began.map_or(contract::BEGINNING.to_owned(), |(_, value)| value.clone());
            Ok(repeating(execute(app, work).await, &began).await)
        }
        Fault::Unauthorized401 => Ok(match work {
            Work::Contract(_) => refuse(&problem(
                ErrorClass::AuthRejected,
                "the token is not accepted",
            )),
            Work::Token(_) => token_reply(&TokenReply {
                status: 401,
                body: serde_json::json!({ "error": "invalid_client" }),
            }),
        }),
        Fault::WrongJson => {
            let status = execute(app, work).await.status();
            Ok(json(status, br#"{"unexpected":true}"#.to_vec()))
        }
        Fault::CutBody => Ok(cut(execute(app, work).await).await),
        Fault::WrongContentType => Ok(html(&execute(app, work).await)),
        Fault::Oversized { bytes } => Ok(oversized(execute(app, work).await, bytes).await),
        Fault::SlowBytes { delay_ms } => Ok(slow(execute(app, work).await, delay_ms).await),
    }
}

/// Carries the work out, on a thread that may block.
async fn execute(app: Arc<App>, work: Work) -> Response<Body> {
    let call = match work {
        Work::Contract(call) => call,
        Work::Token(request) => {
            let work = move || oauth::issue(&app.store, &app.oauth_clients, &request);
            return match off_thread(work).await {
                Ok(Ok(reply)) => token_reply(&reply),
                Ok(Err(refusal)) => refuse(&refusal.into_problem()),
                Err(lost) => refuse(&lost),
            };
        }
    };
    let outcome = off_thread(move || contract::execute(&app.store, &app.schemas, &call)).await;
    match outcome {
        Ok(Ok(reply)) => success(reply),
        Ok(Err(problem)) => refuse(&problem),
        Err(lost) => refuse(&lost),
    }
}

pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        problem(
            ErrorClass::Internal,
            "the request was not carried out to its end",
        )
    })
}

fn success(reply: Reply) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = json(status, reply.body);
    if let Some(location) = reply
        .location
        .and_then(|text| HeaderValue::from_str(&text).ok())
    {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn refuse(problem: &Problem) -> Response<Body> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, serde_json::to_vec(problem).unwrap_or_default());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn token_reply(reply: &TokenReply) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, reply.body.to_string().into_bytes());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    }
    response
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn bearer_is(headers: &HeaderMap, token: &str) -> bool {
    bearer(headers) == Some(token)
}

/// What stands for the value of a header that comes twice: no epoch, no key and no token.
const TWICE: &str = "\u{fffd}";

pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    // A value that is no text, and a header that comes twice, are kept as what no rule accepts.
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    let text = value.to_str().unwrap_or("\u{fffd}").trim();
    Some(if values.next().is_some() {
        TWICE.to_owned()
    } else {
        text.to_owned()
    })
}

fn segments(uri: &Uri) -> Option<Vec<String>> {
    uri.path()
        .strip_prefix('/')?
        .split('/')
        .map(decode_percent)
        .collect()
}

fn decode_percent(text: &str) -> Option<String> {
    // A path segment knows no `+`, which the query decoder below would read as a blank.
    let guarded = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(guarded.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned())
}

pub(super) fn query(uri: &Uri) -> Vec<(String, String)> {
    url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}
