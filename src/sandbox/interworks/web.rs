//! Requests of this face, between HTTP and its rules.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};

use super::login::{self, TokenRequest};
use super::switches::InterworksSwitches;
use super::{Call, Reply, error, page, routes};
use crate::sandbox::http::{App, LARGEST_BODY, bearer, header, json, off_thread, query};
use crate::sandbox::problem::Refusal;

/// Answers `/oauth/token`, if `api` is none, else the path below `/api`.
pub(in crate::sandbox) async fn serve(
    app: Arc<App>,
    (parts, body): (Parts, Body),
    api: Option<Vec<String>>,
) -> Response<Body> {
    match api {
        None => token(app, parts, body).await,
        Some(path) => call(app, &parts, path).await,
    }
}

async fn token(app: Arc<App>, parts: Parts, body: Body) -> Response<Body> {
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return respond(&error(413, "TooLarge", "The request is too large."));
    };
    let request = TokenRequest {
        method: parts.method.as_str().to_owned(),
        authorization: header(&parts.headers, AUTHORIZATION.as_str()),
        content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
        body: body.to_vec(),
    };
    let done = off_thread(move || login::issue(&app.store, &app.interworks, &request)).await;
    let mut response = respond(&reply(done));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn call(app: Arc<App>, parts: &Parts, path: Vec<String>) -> Response<Body> {
    let query = query(&parts.uri);
    let is_list = routes::of(&path).is_some_and(|route| route.is_list());
    let slow = if is_list {
        slowness(&app.store.switches().interworks, &query)
    } else {
        Duration::ZERO
    };
    let host = header(&parts.headers, HOST.as_str()).unwrap_or_default();
    let address = format!("{}://{host}{}", app.interworks.scheme, parts.uri.path());
    let call = Call {
        method: parts.method.as_str().to_owned(),
        path,
        query,
        token: bearer(&parts.headers).map(ToOwned::to_owned),
        version: header(&parts.headers, "x-api-version"),
        address,
    };
    let done = off_thread(move || super::answer(&app.store, &app.interworks, &call)).await;
    // Counted before: who hangs up meanwhile has asked all the same.
    if !slow.is_zero() {
        tokio::time::sleep(slow).await;
    }
    respond(&reply(done))
}

/// How long a list takes.
fn slowness(switches: &InterworksSwitches, query: &[(String, String)]) -> Duration {
    let asked = query.iter().find(|(name, _)| name == "pageSize");
    let rows = asked.and_then(|(_, size)| size.parse::<u32>().ok());
    let rows = rows.unwrap_or(page::USUAL).min(switches.largest_page);
    let of_rows = switches.slow_row_ms.saturating_mul(rows);
    Duration::from_millis(switches.slow_list_ms.saturating_add(of_rows).into())
}

fn reply<E>(done: Result<Result<Reply, Refusal>, E>) -> Reply {
    let told = match done {
        Ok(Ok(reply)) => return reply,
        // A defect of the sandbox: its user has to see which.
        Ok(Err(refusal)) => refusal.into_problem().detail,
        Err(_) => None,
    };
    let told = told.unwrap_or_else(|| "An error has occurred.".to_owned());
    error(500, "InternalServerError", told)
}

fn respond(reply: &Reply) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, reply.body.to_string().into_bytes())
}
