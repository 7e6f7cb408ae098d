//! What the API server asks for when it is too busy to say it in a status: `Retry-After`.
//!
//! Its flow control answers 429 in plain text, with the wait in a header, which kube-rs drops. The
//! layer notes it for the call that is being made; nothing is shared between calls.

use std::cell::Cell;
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, Request, StatusCode};
use kube::client::Body;
use tower::Layer;

use super::listening::{Ear, Heard, Listening};

tokio::task_local! {
    static ASKED: Cell<Option<Duration>>;
}

/// Makes a call; answers with it how long the API server asked to wait, if it did.
pub(super) async fn heard<T>(call: impl Future<Output = T>) -> (T, Option<Duration>) {
    let both = async {
        let answer = call.await;
        (answer, ASKED.with(Cell::get))
    };
    ASKED.scope(Cell::new(None), both).await
}

/// Listens for it at a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedLayer;

impl<S> Layer<S> for AskedLayer {
    type Service = Listening<S, Self>;

    fn layer(&self, inner: S) -> Listening<S, Self> {
        Listening::new(inner, *self)
    }
}

impl Ear for AskedLayer {
    type OneCall = Self;

    fn asked(&self, _: &Request<Body>) -> Self {
        *self
    }
}

impl Heard for AskedLayer {
    fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        if let Some(asked) = asks(status, headers) {
            // Outside of a call that listens there is no place to note the wait.
            let _unheard = ASKED.try_with(|heard| heard.set(Some(asked)));
        }
    }
}

fn asks(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if status.is_success() {
        return None;
    }
    // The API server writes seconds, never a date.
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use axum::http::Response;
    use tower::Service as _;

    use super::*;

    #[tokio::test]
    async fn what_one_call_hears_no_other_does() {
        let answers = |status: u16, asked: &'static str| {
            let inner = tower::service_fn(move |_: Request<Body>| async move {
                let reply = Response::builder().status(status);
                Ok::<_, std::convert::Infallible>(
                    reply.header(RETRY_AFTER, asked).body(()).expect("a reply"),
                )
            });
            let mut client = AskedLayer.layer(inner);
            heard(async move { client.call(Request::new(Body::empty())).await.is_ok() })
        };
        let seconds = |n| (true, Some(Duration::from_secs(n)));
        let none = (true, None);
        let (one, two) = futures::future::join(answers(429, "7"), answers(503, "30")).await;
        assert_eq!((one, two), (seconds(7), seconds(30)));
        assert_eq!(answers(200, "7").await, none);
        assert_eq!(answers(429, "0").await, none);
        assert_eq!(answers(429, "soon").await, none);
        assert_eq!(heard(async { 1 }).await, (1, None));
    }
}
