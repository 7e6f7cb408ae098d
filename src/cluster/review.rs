//! Who asks, and whether they may: TokenReview and SubjectAccessReview of the API server.
//!
//! As controller-runtime does it for its metrics, with an answer that is kept for a while, so that a
//! scraper costs the API server two calls a minute. Tokens themselves are not kept: their SHA-256 is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::client::CALL_BOUND;
use super::error::bounded;
use super::port::ClusterResult;

/// How long a yes is kept, and so how long a right that was taken away still counts.
const YES: Duration = Duration::from_secs(60);
/// How long a no is kept, and so how long a right that was given is not seen.
const NO: Duration = Duration::from_secs(10);
/// How many answers are kept.
const KEPT: usize = 256;
/// How many tokens are asked about at a time: made-up tokens must not become load of the API server.
const AT_ONCE: usize = 2;

/// What the API server says of a token and a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// The token is known, and its account may get the path.
    Allowed,
    /// The token is not known.
    Unauthenticated,
    /// Its account may not get the path.
    Denied,
}

type Kept = HashMap<[u8; 32], (Instant, Reviewed)>;

/// Asks the API server about tokens. Cheap to clone.
#[derive(Clone)]
pub struct Reviewer {
    client: Client,
    path: &'static str,
    kept: Arc<Mutex<Kept>>,
    asking: Arc<Semaphore>,
}

impl Reviewer {
    /// About `get` on one non-resource path.
    #[must_use]
    pub fn new(client: Client, path: &'static str) -> Self {
        Self {
            client,
            path,
            kept: Arc::default(),
            asking: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Whether the account of this token may get the path.
    pub async fn review(&self, token: &SecretString) -> ClusterResult<Reviewed> {
        let name: [u8; 32] = Sha256::digest(token.expose_secret()).into();
        if let Some(reviewed) = self.known(&name) {
            return Ok(reviewed);
        }
        // It is never closed.
        let _turn = self.asking.acquire().await.ok();
        // Another request may have asked meanwhile.
        if let Some(reviewed) = self.known(&name) {
            return Ok(reviewed);
        }
        let reviewed = self.ask(token).await?;
        keep(&mut self.kept(), name, reviewed, Instant::now());
        Ok(reviewed)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, name: &[u8; 32]) -> Option<Reviewed> {
        let kept = self.kept();
        let (until, reviewed) = kept.get(name)?;
        (*until > Instant::now()).then_some(*reviewed)
    }

    async fn ask(&self, token: &SecretString) -> ClusterResult<Reviewed> {
        let Some(user) = self.user(token).await? else {
            return Ok(Reviewed::Unauthenticated);
        };
        let review = SubjectAccessReview {
            metadata: ObjectMeta::default(),
            spec: SubjectAccessReviewSpec {
                user: user.username,
                uid: user.uid,
                groups: user.groups,
                extra: user.extra,
                non_resource_attributes: Some(NonResourceAttributes {
                    path: Some(self.path.to_owned()),
                    verb: Some("get".to_owned()),
                }),
                ..SubjectAccessReviewSpec::default()
            },
            status: None,
        };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = bounded(CALL_BOUND, api.create(&PostParams::default(), &review)).await?;
        let may = answer
            .status
            .is_some_and(|s| s.allowed && s.denied != Some(true));
        Ok(if may {
            Reviewed::Allowed
        } else {
            Reviewed::Denied
        })
    }

    /// The account of a token; `None` if the API server does not know it.
    async fn user(&self, token: &SecretString) -> ClusterResult<Option<UserInfo>> {
        let review = TokenReview {
            metadata: ObjectMeta::default(),
            spec: TokenReviewSpec {
                audiences: None,
                token: Some(token.expose_secret().to_owned()),
            },
            status: None,
        };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answer = bounded(CALL_BOUND, api.create(&PostParams::default(), &review)).await?;
        let status = answer.status.unwrap_or_default();
        Ok(status.user.filter(|_| status.authenticated == Some(true)))
    }
}

/// Keeps an answer; of too many, those that have expired go first, and then all.
fn keep(kept: &mut Kept, name: [u8; 32], review: Reviewed, now: Instant) {
    if kept.len() >= KEPT {
        kept.retain(|_, (until, _)| *until > now);
    }
    if kept.len() >= KEPT {
        kept.clear();
    }
    let life = match review {
        Reviewed::Allowed => YES,
        Reviewed::Unauthenticated | Reviewed::Denied => NO,
    };
    // A clock that cannot go so far keeps nothing.
    kept.insert(name, (now.checked_add(life).unwrap_or(now), review));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_for_a_while_and_never_too_many() {
        let (mut kept, now) = (Kept::default(), Instant::now());
        for number in 0..1_000_u32 {
            let name = Sha256::digest(number.to_string()).into();
            keep(&mut kept, name, Reviewed::Denied, now);
            assert!(kept.len() <= KEPT, "{}", kept.len());
        }
        kept.clear();
        keep(&mut kept, [1; 32], Reviewed::Allowed, now);
        keep(&mut kept, [2; 32], Reviewed::Denied, now);
        assert_eq!(kept[&[1; 32]].0, now + YES);
        assert_eq!(kept[&[2; 32]].0, now + NO);
    }
}
