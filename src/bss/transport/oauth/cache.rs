//! When a token is used, renewed or thrown away: pure, with an explicit clock.
//!
//! One rule decides it all: a caller that needs a token and finds none waits for the one request that is
//! under way, and takes its result, be it a token or a failure. A token that is about to expire is
//! renewed ahead, by one caller; the others go on with it meanwhile. It knows no HTTP.

use super::super::failure::Failure;
use secrecy::SecretString;
use std::time::Duration;

/// A token is renewed when a tenth of its life is left, but no earlier than this before its end.
const LONGEST_LEAD: Duration = Duration::from_secs(60);
/// The life of a token whose issuer does not tell it.
const USUAL_LIFE: Duration = Duration::from_mins(5);
/// No token is used for longer, whatever its issuer says.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// Between two tries to renew a token that is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(5);

/// A token, told from its predecessors.
#[derive(Clone, Debug)]
pub(in super::super) struct Token {
    pub(super) number: u64,
    pub(in super::super) text: SecretString,
}

/// A token as it was issued.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) text: SecretString,
    pub(super) life: Option<Duration>,
}

#[derive(Debug)]
struct Held {
    token: Token,
    renew: Duration,
    expires: Duration,
}

/// What is held at present. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Cache {
    held: Option<Held>,
    /// The token before, which may still be on its way somewhere.
    former: Option<SecretString>,
    next_number: u64,
    /// Requests that came to an end.
    landed: u64,
    /// The failure of the last of them.
    failed: Option<Failure>,
}

/// What a caller that needs a token does.
#[derive(Debug)]
pub(super) enum Step {
    /// Uses this one.
    Use(Token),
    /// Uses this one if another caller renews it already; else renews it first.
    Renew(Token),
    /// Waits for the request under way, or makes one; tells [`Cache::waited`] this number.
    Fetch(u64),
}

/// What a caller that waited for the request under way does.
#[derive(Debug)]
pub(super) enum Waited {
    /// Takes its result.
    Over(Result<Token, Failure>),
    /// Makes a request: there was none, or it was given up.
    Fetch,
}

impl Cache {
    pub(super) fn step(&self, now: Duration) -> Step {
        match &self.held {
            Some(held) if now < held.renew => Step::Use(held.token.clone()),
            Some(held) if now < held.expires => Step::Renew(held.token.clone()),
            Some(_) | None => Step::Fetch(self.landed),
        }
    }

    pub(super) fn waited(&self, since: u64, now: Duration) -> Waited {
        match (self.step(now), &self.failed) {
            (Step::Use(token) | Step::Renew(token), _) => Waited::Over(Ok(token)),
            (Step::Fetch(_), Some(failure)) if self.landed > since => {
                Waited::Over(Err(failure.clone()))
            }
            (Step::Fetch(_), _) => Waited::Fetch,
        }
    }

    /// A request came to its end. A failure to renew is none while the old token is good.
    pub(super) fn land(
        &mut self,
        result: Result<Issued, Failure>,
        now: Duration,
    ) -> Result<Token, Failure> {
        self.landed = self.landed.saturating_add(1);
        match result {
            Ok(issued) => {
                self.failed = None;
                Ok(self.hold(issued, now))
            }
            Err(failure) => {
                self.failed = Some(failure.clone());
                match &mut self.held {
                    Some(held) if now < held.expires => {
                        held.renew = now.saturating_add(RENEWAL_PAUSE).min(held.expires);
                        Ok(held.token.clone())
                    }
                    Some(_) | None => Err(failure),
                }
            }
        }
    }

    /// The BSS did not take a token: it is not used again. A newer one stays.
    pub(super) fn reject(&mut self, token: &Token) {
        if self
            .held
            .as_ref()
            .is_some_and(|held| held.token.number == token.number)
        {
            self.former = self.held.take().map(|held| held.token.text);
        }
    }

    /// The tokens that may be on their way.
    pub(super) fn known(&self) -> impl Iterator<Item = &SecretString> {
        let held = self.held.as_ref().map(|held| &held.token.text);
        held.into_iter().chain(&self.former)
    }

    fn hold(&mut self, issued: Issued, now: Duration) -> Token {
        let Issued { text, life } = issued;
        let life = life.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE);
        let token = Token {
            number: self.next_number,
            text,
        };
        self.next_number = self.next_number.wrapping_add(1);
        let expires = now.saturating_add(life);
        let held = Held {
            token: token.clone(),
            renew: expires.saturating_sub(life.checked_div(10).unwrap_or(life).min(LONGEST_LEAD)),
            expires,
        };
        if let Some(before) = self.held.replace(held) {
            self.former = Some(before.token.text);
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn issued(text: &str, life: Option<u64>) -> Issued {
        Issued {
            text: text.to_owned().into(),
            life: life.map(s),
        }
    }

    fn away() -> Failure {
        Failure::NotSent("away".to_owned())
    }

    /// In a word, what is to be done.
    fn told(step: Step) -> String {
        match step {
            Step::Use(token) => format!("use {}", token.text.expose_secret()),
            Step::Renew(token) => format!("renew {}", token.text.expose_secret()),
            Step::Fetch(since) => format!("fetch since {since}"),
        }
    }

    fn told_after(waited: Waited) -> String {
        match waited {
            Waited::Over(Ok(token)) => format!("use {}", token.text.expose_secret()),
            Waited::Over(Err(failure)) => format!("fails: {failure:?}"),
            Waited::Fetch => "fetch".to_owned(),
        }
    }

    #[test]
    fn a_token_is_used_then_renewed_then_gone() {
        for (life, renew, expires) in [
            (Some(100), 90, 100),
            (Some(3600), 3540, 3600),
            (None, 270, 300),
            (Some(u64::MAX), 86_340, 86_400),
        ] {
            let mut cache = Cache::default();
            assert_eq!(told(cache.step(s(0))), "fetch since 0");
            cache.land(Ok(issued("a", life)), s(0)).unwrap();
            assert_eq!(told(cache.step(s(renew - 1))), "use a", "{life:?}");
            assert_eq!(told(cache.step(s(renew))), "renew a", "{life:?}");
            assert_eq!(told(cache.step(s(expires - 1))), "renew a", "{life:?}");
            assert_eq!(told(cache.step(s(expires))), "fetch since 1", "{life:?}");
        }
    }

    #[test]
    fn a_token_without_a_life_serves_who_asked_for_it() {
        let mut cache = Cache::default();
        let token = cache.land(Ok(issued("a", Some(0))), s(5)).unwrap();
        assert_eq!(token.text.expose_secret(), "a");
        assert_eq!(told(cache.step(s(5))), "fetch since 1");
    }

    #[test]
    fn who_waited_takes_the_result_of_the_one_request() {
        let mut cache = Cache::default();
        let Step::Fetch(since) = cache.step(s(0)) else {
            panic!()
        };
        assert_eq!(told_after(cache.waited(since, s(0))), "fetch");
        cache.land(Err(away()), s(1)).unwrap_err();
        assert_eq!(
            told_after(cache.waited(since, s(1))),
            r#"fails: NotSent("away")"#
        );
        // A later caller asks anew, and does not inherit the failure.
        let Step::Fetch(later) = cache.step(s(1)) else {
            panic!()
        };
        assert_eq!(told_after(cache.waited(later, s(1))), "fetch");
        cache.land(Ok(issued("a", Some(10))), s(2)).unwrap();
        for waiting in [since, later] {
            assert_eq!(told_after(cache.waited(waiting, s(2))), "use a");
        }
    }

    #[test]
    fn a_failed_renewal_is_no_failure_while_the_token_is_good() {
        let mut cache = Cache::default();
        cache.land(Ok(issued("a", Some(100))), s(0)).unwrap();
        let kept = cache.land(Err(away()), s(91)).unwrap();
        assert_eq!(kept.text.expose_secret(), "a");
        assert_eq!(told(cache.step(s(92))), "use a", "not tried at every call");
        assert_eq!(told(cache.step(s(96))), "renew a");
        assert!(cache.land(Err(away()), s(100)).is_err());
    }

    #[test]
    fn a_rejected_token_goes_and_a_newer_one_stays() {
        let mut cache = Cache::default();
        let old = cache.land(Ok(issued("a", Some(100))), s(0)).unwrap();
        cache.reject(&old);
        assert_eq!(told(cache.step(s(1))), "fetch since 1");
        cache.land(Ok(issued("b", Some(100))), s(1)).unwrap();
        // Many calls come back with the old one's rejection.
        cache.reject(&old);
        assert_eq!(told(cache.step(s(2))), "use b");
        let known: Vec<&str> = cache.known().map(ExposeSecret::expose_secret).collect();
        assert_eq!(known, ["b", "a"], "both are hidden in texts");
    }
}
