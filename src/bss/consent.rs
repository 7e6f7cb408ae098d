//! Whether a call that waits for its turn is still wanted.
//!
//! Between the decision to call and the moment of sending lies the limiter's queue, and meanwhile
//! an upgrade may be suspended or a lease lost. The caller puts a [`Consent`] over its calls; the
//! transport asks it last of all, when nothing but the sending is left. It knows no reason of the
//! caller's, only yes or no.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static CONSENT: Consent;
}

/// The caller's answer to *still?*, asked anew for every request.
#[derive(Clone)]
pub struct Consent(Arc<dyn Fn() -> bool + Send + Sync>);

impl Consent {
    /// A consent that holds as long as `still` says so. It is asked often and must not block.
    pub fn new(still: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(still))
    }

    /// Puts the consent over every call that is made in `calls` (in its own task only).
    pub async fn over<F: Future>(self, calls: F) -> F::Output {
        CONSENT.scope(self, calls).await
    }
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Consent").field(&(self.0)()).finish()
    }
}

/// Whether the present call may be sent. A call without a consent over it may. Every adapter asks
/// this last of all.
#[must_use]
pub fn holds() -> bool {
    CONSENT.try_with(|consent| (consent.0)()).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_innermost_answer_counts_and_none_is_yes() {
        assert!(holds());
        let no = || Consent::new(|| false);
        assert!(!no().over(async { holds() }).await);
        let inner = no().over(async { Consent::new(|| true).over(async { holds() }).await });
        assert!(inner.await);
        assert!(holds());
    }
}
