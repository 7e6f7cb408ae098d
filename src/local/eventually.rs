//! Waiting for something to be true, with a bound and with the last thing seen when it was not.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use super::error::{LocalError, LocalResult};

const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation<T> {
    /// What was awaited.
    Done(T),
    /// Something else: shown if the time runs out.
    NotYet(String),
}

impl<T> Observation<T> {
    /// Done with the value if it is the awaited one.
    pub fn when(awaited: bool, value: T) -> Self
    where
        T: Debug,
    {
        if awaited {
            Self::Done(value)
        } else {
            Self::NotYet(format!("{value:?}"))
        }
    }
}

/// Looks again and again until it sees what is awaited. A failing look counts as *not yet*: what
/// is looked at may be starting, or stopped on purpose.
pub async fn eventually<T, F, Fut>(awaited: &str, within: Duration, mut look: F) -> LocalResult<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = LocalResult<Observation<T>>>,
{
    let deadline = Instant::now().checked_add(within);
    let mut last = "nothing".to_owned();
    loop {
        let left = deadline
            .and_then(|deadline| deadline.checked_duration_since(Instant::now()))
            .filter(|left| !left.is_zero());
        let Some(left) = left else {
            return Err(LocalError::NotObserved {
                awaited: awaited.into(),
                within,
                last,
            });
        };
        match tokio::time::timeout(left, look()).await {
            Ok(Ok(Observation::Done(value))) => return Ok(value),
            Ok(Ok(Observation::NotYet(seen))) => last = seen,
            Ok(Err(error)) => last = error.chain(),
            Err(_elapsed) => last = format!("{last}; the last look did not come back"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_tells_what_it_saw_last() {
        let mut looks = 0_u32;
        let error = eventually("the moon", Duration::from_millis(220), || {
            looks += 1;
            let seen = looks;
            async move { Ok(Observation::when(seen > 100, seen)) }
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("the moon"), "{error}");
        assert!(!error.to_string().contains("nothing"), "{error}");
    }

    #[tokio::test]
    async fn a_look_that_hangs_does_not_hang_us() {
        let error = eventually("an answer", Duration::from_millis(50), || {
            std::future::pending::<LocalResult<Observation<()>>>()
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("did not come back"), "{error}");
    }
}
