//! Replies that go wrong on their way: repeated, cut, of another type, too large, slow.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use futures::{StreamExt, stream};
use serde_json::Value;

async fn bytes_of(response: Response<Body>) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    (parts, bytes)
}

pub(super) async fn repeating(response: Response<Body>, began: &str) -> Response<Body> {
    let (parts, bytes) = bytes_of(response).await;
    let body = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(mut page)) if parts.status.is_success() => {
            page.insert("nextCursor".to_owned(), Value::String(began.to_owned()));
            Bytes::from(Value::Object(page).to_string())
        }
        Ok(_) | Err(_) => bytes,
    };
    Response::from_parts(parts, Body::from(body))
}

/// Announces the whole body, sends half of it and closes.
pub(super) async fn cut(response: Response<Body>) -> Response<Body> {
    let (mut parts, bytes) = bytes_of(response).await;
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = bytes.slice(..bytes.len() / 2);
    let rest = stream::once(async {
        // Without a pause the server would notice the error before it sent anything at all.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::other("cut on purpose"))
    });
    let pieces = stream::once(async { Ok(half) }).chain(rest);
    Response::from_parts(parts, Body::from_stream(pieces))
}

pub(super) fn html(response: &Response<Body>) -> Response<Body> {
    let mut page = Response::new(Body::from("<html><body>Please sign in.</body></html>"));
    *page.status_mut() = response.status();
    page.headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    page
}

/// Appends blanks, which JSON allows, until the body has the size.
pub(super) async fn oversized(response: Response<Body>, size: u64) -> Response<Body> {
    const PIECE: u64 = 64 * 1024;
    let (parts, bytes) = bytes_of(response).await;
    let missing = size.saturating_sub(bytes.len() as u64);
    let blanks = Bytes::from(vec![b' '; 64 * 1024]);
    let padding = (0..missing.div_ceil(PIECE)).map(move |_| blanks.clone());
    let pieces = std::iter::once(bytes)
        .chain(padding)
        .map(Ok::<_, std::io::Error>);
    Response::from_parts(parts, Body::from_stream(stream::iter(pieces)))
}

pub(super) async fn slow(response: Response<Body>, delay_ms: u64) -> Response<Body> {
    let (parts, bytes) = bytes_of(response).await;
    let pieces = stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        let byte = rest.split_to(1);
        Some((Ok::<_, std::io::Error>(byte), rest))
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}
