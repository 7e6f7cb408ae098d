//! What was asked of the API server and how it ended, counted at the client, where nothing gets past.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, Method, Request, StatusCode};
use kube::client::Body;
use tower::Layer;

use super::listening::{Ear, Heard, Listening};

/// What is asked for, with its status where it has one.
const RESOURCES: [(&str, &str); 12] = [
    ("tenantresellerupgrades", "tenantresellerupgrades/status"),
    ("bssconnections", "bssconnections/status"),
    ("customerpricings", "customerpricings/status"),
    ("resellerclaims", "resellerclaims/status"),
    ("upgradereports", "upgradereports/status"),
    ("secrets", "secrets/status"),
    ("events", "events/status"),
    ("leases", "leases/status"),
    ("namespaces", "namespaces/status"),
    (
        "customresourcedefinitions",
        "customresourcedefinitions/status",
    ),
    ("tokenreviews", "tokenreviews/status"),
    ("subjectaccessreviews", "subjectaccessreviews/status"),
];

/// What a request was. Every word is one of a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The method of HTTP.
    pub method: &'static str,
    /// The resource, and its subresource where that is the status.
    pub resource: &'static str,
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        let methods = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ];
        let words = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let mut methods = methods.iter().zip(words);
        let method = methods.find(|(method, _)| *method == request.method());
        Self {
            method: method.map_or("other", |(_, word)| word),
            resource: resource(request.uri().path()),
        }
    }
}

/// The resource of a path. A namespace or an object may have the name of a resource, so its place counts:
/// `.../namespaces/NAMESPACE/RESOURCE/...` or `.../VERSION/RESOURCE/...`.
fn resource(path: &str) -> &'static str {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    // `api/v1` or `apis/GROUP/VERSION`.
    let head = match segments.next() {
        Some("api") => 1,
        Some("apis") => 2,
        Some(_) | None => return "other",
    };
    let rest: Vec<&str> = segments.skip(head).collect();
    let rest = match rest.as_slice() {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        rest => rest,
    };
    let (Some(plural), status) = (rest.first(), rest.get(2) == Some(&"status")) else {
        return "other";
    };
    let known = RESOURCES.iter().find(|(known, _)| known == plural);
    known.map_or(
        "other",
        |(known, with_status)| {
            if status { with_status } else { known }
        },
    )
}

/// By what a request was and the status code of its answer.
type Counts = BTreeMap<(Asked, Option<u16>), u64>;

/// The requests so far, by what they were and the status code of the answer; none where there was no
/// answer. Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    counts: Arc<Mutex<Counts>>,
}

impl Requests {
    /// How many there were. The counts only grow.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(Asked, Option<u16>), u64> {
        self.with(|counts| counts.clone())
    }

    fn count(&self, asked: Asked, code: Option<u16>) {
        self.with(|counts| {
            let count = counts.entry((asked, code)).or_default();
            *count = count.saturating_add(1);
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        act(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S> Layer<S> for Requests {
    type Service = Listening<S, Self>;

    fn layer(&self, inner: S) -> Listening<S, Self> {
        Listening::new(inner, self.clone())
    }
}

impl Ear for Requests {
    type OneCall = UnderWay;

    fn asked(&self, request: &Request<Body>) -> UnderWay {
        UnderWay {
            requests: self.clone(),
            asked: Asked::of(request),
            code: None,
        }
    }
}

/// Counts a request once it is over: without an answer, if its caller did not wait for one.
pub struct UnderWay {
    requests: Requests,
    asked: Asked,
    code: Option<u16>,
}

impl Heard for UnderWay {
    fn answered(&mut self, status: StatusCode, _: &HeaderMap) {
        self.code = Some(status.as_u16());
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.requests.count(self.asked, self.code);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Response;
    use tower::Service as _;

    use super::*;

    #[test]
    fn a_resource_is_known_by_its_place() {
        for (path, known) in [
            ("/api/v1/namespaces/secrets", "namespaces"),
            ("/api/v1/namespaces/events/secrets/leases", "secrets"),
            (
                "/apis/tenantreseller.io/v1alpha1/namespaces/a/tenantresellerupgrades/b/status",
                "tenantresellerupgrades/status",
            ),
            (
                "/apis/tenantreseller.io/v1alpha1/tenantresellerupgrades",
                "tenantresellerupgrades",
            ),
            (
                "/apis/coordination.k8s.io/v1/namespaces/a/leases/status",
                "leases",
            ),
            ("/apis/apps/v1/deployments/10423", "other"),
            ("/version", "other"),
            ("", "other"),
        ] {
            assert_eq!(resource(path), known, "{path}");
        }
    }

    #[tokio::test]
    async fn every_request_counts_also_one_that_nobody_waits_for() {
        let requests = Requests::default();
        let mut client = requests.layer(tower::service_fn(|request: Request<Body>| async move {
            if request.uri().path().ends_with("slow") {
                std::future::pending::<()>().await;
            }
            let reply = Response::builder().status(409).body(());
            Ok::<_, std::convert::Infallible>(reply.expect("a reply"))
        }));
        let request = |path: &str| {
            let request = Request::builder().method("PATCH").uri(path);
            request.body(Body::empty()).expect("a request")
        };
        let answer = client.call(request("/api/v1/secrets/a")).await;
        assert_eq!(answer.map(|answer| answer.status().as_u16()), Ok(409));
        drop(client.call(request("/api/v1/secrets/slow")));
        let asked = Asked {
            method: "PATCH",
            resource: "secrets",
        };
        let counts = BTreeMap::from([((asked, None), 1), ((asked, Some(409)), 1)]);
        assert_eq!(requests.counts(), counts);
    }
}
