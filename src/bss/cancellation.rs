//! Whether a call that waits in the limiter's queue was cancelled meanwhile.
//!
//! Between the decision to call and the moment of sending lies the limiter's queue, and meanwhile
//! an upgrade may be suspended or a lease lost. The caller puts a [`Cancellation`] over its calls; the
//! transport asks it last of all, when nothing but the sending is left. It knows no reason of the
//! caller's, only yes or no; and it tells one caller from another, so that the limiter can serve them in turn.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static CANCELLATION: Cancellation;
}

/// Cancels calls that were not sent yet. The caller is asked anew for every request.
#[derive(Clone)]
pub struct Cancellation {
    still_wanted: Arc<dyn Fn() -> bool + Send + Sync>,
    caller: u64,
}

impl Cancellation {
    /// Cancels as soon as `still_wanted` says no. It is asked often and must not block.
    pub fn unless(still_wanted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            still_wanted: Arc::new(still_wanted),
            caller: 0,
        }
    }

    /// The same, of calls on behalf of one caller. The limiter serves callers in turn.
    #[must_use]
    pub fn of(self, caller: u64) -> Self {
        Self { caller, ..self }
    }

    /// Puts the cancellation over every call that is made in `calls` (in its own task only).
    pub async fn over<F: Future>(self, calls: F) -> F::Output {
        CANCELLATION.scope(self, calls).await
    }

    fn cancels(&self) -> bool {
        !(self.still_wanted)()
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation")
            .field(&self.cancels())
            .finish()
    }
}

/// Whether the present call was cancelled and must not be sent. A call without a cancellation over it
/// was not. Every adapter asks this last of all.
#[must_use]
pub fn is_cancelled() -> bool {
    CANCELLATION
        .try_with(Cancellation::cancels)
        .unwrap_or(false)
}

/// On whose behalf the present call is made; 0 if that was not said.
#[must_use]
pub fn caller() -> u64 {
    let caller = CANCELLATION.try_with(|cancellation| cancellation.caller);
    caller.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_innermost_answer_counts_and_without_one_a_call_goes_out() {
        assert!(!is_cancelled());
        let cancelled = || Cancellation::unless(|| false);
        assert!(cancelled().over(async { is_cancelled() }).await);
        let wanted = || Cancellation::unless(|| true);
        let inner = cancelled().over(async { wanted().over(async { is_cancelled() }).await });
        assert!(!inner.await);
        assert!(!is_cancelled());
    }
}
