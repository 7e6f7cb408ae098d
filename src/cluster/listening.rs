//! Listens at a client: what is asked of the API server, and the head of each answer. kube-rs tells neither.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::http::{HeaderMap, Request, Response, StatusCode};
use kube::client::Body;
use tower::Service;

/// What listens.
pub trait Ear {
    /// What listens to one call. It is dropped when the call is over, or given up.
    type OneCall: Heard + Send + 'static;

    /// A call begins.
    fn asked(&self, request: &Request<Body>) -> Self::OneCall;
}

/// What listens to one call.
pub trait Heard {
    /// The call is answered.
    fn answered(&mut self, status: StatusCode, headers: &HeaderMap);
}

/// A client's service, listened at.
#[derive(Clone, Debug)]
pub struct Listening<S, E> {
    inner: S,
    ear: E,
}

impl<S, E> Listening<S, E> {
    pub(super) fn new(inner: S, ear: E) -> Self {
        Self { inner, ear }
    }
}

impl<S, E, B> Service<Request<Body>> for Listening<S, E>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    E: Ear,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut heard = self.ear.asked(&request);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if let Ok(response) = &answer {
                heard.answered(response.status(), response.headers());
            }
            drop(heard);
            answer
        })
    }
}
