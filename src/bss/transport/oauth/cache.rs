//! When a token is used, renewed or thrown away, and when none is asked for: pure, with an explicit
//! clock.
//!
//! A call that needs a token and finds none waits for the one request that is under way, and takes its
//! result, be it a token or a failure. After a failure the endpoint is left alone for a while that
//! grows, however many calls need a token: a wrong secret that is sent again and again locks accounts. A token
//! that is about to expire is renewed ahead, by one caller; the others go on with it meanwhile. It
//! knows no HTTP.

use super::super::failure::Failure;
use secrecy::SecretString;
use std::time::Duration;

/// A token is renewed when a tenth of its life is left, but no earlier than this before its end.
const LONGEST_LEAD: Duration = Duration::from_secs(60);
/// The life of a token whose issuer does not tell it.
const USUAL_LIFE: Duration = Duration::from_mins(5);
/// Each token is used for so long at least, whatever its issuer says: one that is told to live no time at
/// all would be asked for with every call. If the BSS refuses it meanwhile, that is another matter.
const SHORTEST_LIFE: Duration = Duration::from_secs(5);
/// No token is used for longer, whatever its issuer says.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// Between two tries to renew a token that is still good.
const RENEWAL_PAUSE: Duration = Duration::from_secs(5);
/// No failure keeps the endpoint from being asked for longer, unless it says so itself.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The same where the endpoint is only away.
const LONGEST_ABSENCE: Duration = Duration::from_secs(60);
/// Tokens that the BSS refuses are counted together within this time.
const REFUSALS_TOGETHER: Duration = Duration::from_mins(10);
/// After the second of them, how long the next one is used before it is replaced.
const SHORTEST_REFUSED: Duration = Duration::from_secs(5);

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

/// Why there is no token, and when the endpoint wants to be asked again.
#[derive(Debug)]
pub(super) struct NoToken {
    pub(super) failure: Failure,
    pub(super) after: Option<Duration>,
}

/// The endpoint is left alone.
#[derive(Debug)]
struct Pause {
    until: Duration,
    failure: Failure,
}

/// Tokens that the BSS did not take.
#[derive(Debug, Default)]
struct Refusals {
    /// How many in a row.
    count: u32,
    /// The last of them.
    last: Duration,
}

/// What is held at present. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Cache {
    held: Option<Held>,
    /// The token before, which may still be on its way somewhere.
    former: Option<SecretString>,
    next_number: u64,
    /// Failures in a row.
    failures: u32,
    pause: Option<Pause>,
    refusals: Refusals,
}

/// What a caller that needs a token does.
#[derive(Debug)]
pub(super) enum Step {
    /// Uses this one.
    Use(Token),
    /// Uses this one, unless no other caller renews it yet: then renews it first.
    Renew(Token),
    /// Waits for the request under way, or makes one.
    Fetch,
    /// Goes without: the endpoint failed so a moment ago, and is left alone.
    Wait(Failure),
}

impl Cache {
    pub(super) fn step(&self, now: Duration) -> Step {
        match (&self.held, &self.pause) {
            (Some(held), _) if now < held.renew => Step::Use(held.token.clone()),
            (Some(held), _) if now < held.expires => Step::Renew(held.token.clone()),
            (_, Some(pause)) if now < pause.until => Step::Wait(pause.failure.clone()),
            (_, _) => Step::Fetch,
        }
    }

    /// A request came to its end. A failure to renew is none while the old token is good.
    pub(super) fn land(
        &mut self,
        result: Result<Issued, NoToken>,
        now: Duration,
    ) -> Result<Token, Failure> {
        match result {
            Ok(issued) => {
                self.failures = 0;
                self.pause = None;
                Ok(self.hold(issued, now))
            }
            Err(none) => {
                let wait = wait(&none, self.failures);
                self.failures = self.failures.saturating_add(1);
                let until = now.saturating_add(wait);
                self.pause = Some(Pause {
                    until,
                    failure: none.failure.clone(),
                });
                match &mut self.held {
                    Some(held) if now < held.expires => {
                        let next = until.max(now.saturating_add(RENEWAL_PAUSE));
                        held.renew = next.min(held.expires);
                        Ok(held.token.clone())
                    }
                    Some(_) | None => Err(none.failure),
                }
            }
        }
    }

    /// The BSS did not take a token: it is not used again, and another one is to be had. A newer one
    /// stays. A BSS that refuses one token after another gets new ones less and less often; until
    /// then the last one is used, and its refusal counts.
    pub(super) fn reject(&mut self, token: &Token, now: Duration) -> bool {
        let Some(held) = &self.held else { return true };
        if held.token.number != token.number {
            return true;
        }
        if now.saturating_sub(self.refusals.last) >= REFUSALS_TOGETHER {
            self.refusals.count = 0;
        }
        let spared = match self.refusals.count {
            0 => Duration::ZERO,
            count => doubled(SHORTEST_REFUSED, count.saturating_sub(1)).min(LONGEST_PAUSE),
        };
        if now < self.refusals.last.saturating_add(spared) {
            return false;
        }
        self.refusals = Refusals {
            count: self.refusals.count.saturating_add(1),
            last: now,
        };
        self.former = self.held.take().map(|held| held.token.text);
        true
    }

    /// The tokens that may be on their way.
    pub(super) fn known(&self) -> impl Iterator<Item = &SecretString> {
        let held = self.held.as_ref().map(|held| &held.token.text);
        held.into_iter().chain(&self.former)
    }

    fn hold(&mut self, issued: Issued, now: Duration) -> Token {
        let Issued { text, life } = issued;
        let life = life
            .unwrap_or(USUAL_LIFE)
            .clamp(SHORTEST_LIFE, LONGEST_LIFE);
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

/// How long the endpoint is left alone after a failure that so many came before.
fn wait(none: &NoToken, before: u32) -> Duration {
    let own = match &none.failure {
        // Each time counts against the account.
        Failure::ClientRefused(_) => doubled(Duration::from_secs(15), before).min(LONGEST_PAUSE),
        Failure::TokenAway(_) => doubled(Duration::from_secs(1), before).min(LONGEST_ABSENCE),
        Failure::TokenNonsense(_)
        | Failure::Refused(_)
        | Failure::Unsendable(_)
        | Failure::Deferred(_)
        | Failure::Cancelled
        | Failure::NoRoom
        | Failure::NotSent(_)
        | Failure::Lost(_)
        | Failure::Redirected(_)
        | Failure::TooLarge(_) => doubled(Duration::from_secs(2), before).min(LONGEST_ABSENCE),
    };
    own.max(none.after.unwrap_or_default())
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times))
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

    fn none(failure: fn(String) -> Failure, after: Option<u64>) -> Result<Issued, NoToken> {
        Err(NoToken {
            failure: failure("so".to_owned()),
            after: after.map(s),
        })
    }

    fn away() -> Result<Issued, NoToken> {
        none(Failure::TokenAway, None)
    }

    /// In a word, what is to be done.
    fn told(step: Step) -> String {
        match step {
            Step::Use(token) => format!("use {}", token.text.expose_secret()),
            Step::Renew(token) => format!("renew {}", token.text.expose_secret()),
            Step::Fetch => "fetch".to_owned(),
            Step::Wait(failure) => format!("wait: {failure:?}"),
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
            assert_eq!(told(cache.step(s(0))), "fetch");
            cache.land(Ok(issued("a", life)), s(0)).unwrap();
            assert_eq!(told(cache.step(s(renew - 1))), "use a", "{life:?}");
            assert_eq!(told(cache.step(s(renew))), "renew a", "{life:?}");
            assert_eq!(told(cache.step(s(expires - 1))), "renew a", "{life:?}");
            assert_eq!(told(cache.step(s(expires))), "fetch", "{life:?}");
        }
    }

    #[test]
    fn a_token_that_is_told_to_live_no_time_serves_for_five_seconds() {
        for life in [0, 1] {
            let mut cache = Cache::default();
            let token = cache.land(Ok(issued("a", Some(life))), s(5)).unwrap();
            assert_eq!(token.text.expose_secret(), "a");
            assert_eq!(told(cache.step(s(5))), "use a");
            assert_eq!(told(cache.step(s(10))), "fetch");
            // Refused by the BSS, it is replaced at once.
            assert!(cache.reject(&token, s(6)));
            assert_eq!(told(cache.step(s(6))), "fetch");
        }
    }

    /// When the endpoint is asked, by callers that need a token every second.
    fn asked(result: impl Fn() -> Result<Issued, NoToken>, seconds: u64) -> Vec<u64> {
        let mut cache = Cache::default();
        let mut asked = Vec::new();
        for now in 0..seconds {
            if matches!(cache.step(s(now)), Step::Fetch) {
                asked.push(now);
                cache.land(result(), s(now)).unwrap_err();
            }
        }
        asked
    }

    #[test]
    fn an_endpoint_that_fails_is_asked_less_and_less_often() {
        let refused = || none(Failure::ClientRefused, None);
        assert_eq!(asked(refused, 1200), [0, 15, 45, 105, 225, 465, 765, 1065]);
        assert_eq!(asked(away, 200), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        let busy = || none(Failure::TokenAway, Some(120));
        assert_eq!(asked(busy, 300), [0, 120, 240], "as it asks itself");
        let broken = || none(Failure::TokenNonsense, None);
        assert_eq!(asked(broken, 130), [0, 2, 6, 14, 30, 62, 122]);
    }

    #[test]
    fn all_take_the_failure_until_the_endpoint_is_asked_again() {
        let mut cache = Cache::default();
        cache.land(away(), s(1)).unwrap_err();
        assert_eq!(told(cache.step(s(1))), r#"wait: TokenAway("so")"#);
        assert_eq!(told(cache.step(s(2))), "fetch");
        cache.land(Ok(issued("a", Some(10))), s(2)).unwrap();
        assert_eq!(told(cache.step(s(2))), "use a");
        // The waits begin anew.
        cache.land(away(), s(13)).unwrap_err();
        assert_eq!(told(cache.step(s(14))), "fetch");
    }

    #[test]
    fn a_failed_renewal_is_no_failure_while_the_token_is_good() {
        let mut cache = Cache::default();
        cache.land(Ok(issued("a", Some(100))), s(0)).unwrap();
        let kept = cache.land(away(), s(91)).unwrap();
        assert_eq!(kept.text.expose_secret(), "a");
        assert_eq!(told(cache.step(s(92))), "use a", "not tried at every call");
        assert_eq!(told(cache.step(s(96))), "renew a");
        assert!(cache.land(away(), s(100)).is_err());
        // Also while it is renewed, what the endpoint asks for is obeyed.
        let mut cache = Cache::default();
        cache.land(Ok(issued("a", Some(1000))), s(0)).unwrap();
        cache
            .land(none(Failure::TokenAway, Some(30)), s(950))
            .unwrap();
        assert_eq!(told(cache.step(s(979))), "use a");
        assert_eq!(told(cache.step(s(980))), "renew a");
    }

    #[test]
    fn a_rejected_token_goes_and_a_newer_one_stays() {
        let mut cache = Cache::default();
        let old = cache.land(Ok(issued("a", Some(100))), s(0)).unwrap();
        assert!(cache.reject(&old, s(1)));
        assert_eq!(told(cache.step(s(1))), "fetch");
        cache.land(Ok(issued("b", Some(100))), s(1)).unwrap();
        // Many calls come back with the old one's rejection.
        assert!(cache.reject(&old, s(1)));
        assert_eq!(told(cache.step(s(2))), "use b");
        let known: Vec<&str> = cache.known().map(ExposeSecret::expose_secret).collect();
        assert_eq!(known, ["b", "a"], "both are hidden in texts");
    }

    #[test]
    fn a_bss_that_refuses_every_token_gets_fewer_and_fewer() {
        let mut cache = Cache::default();
        let mut renewed = Vec::new();
        let mut token = cache.land(Ok(issued("a", None)), s(0)).unwrap();
        for now in 1..1200 {
            if cache.reject(&token, s(now)) {
                renewed.push(now);
                token = cache.land(Ok(issued("a", None)), s(now)).unwrap();
            }
        }
        assert_eq!(renewed, [1, 6, 16, 36, 76, 156, 316, 616, 916]);
        // One that was good for long is replaced at once.
        assert!(cache.reject(&token, s(2000)));
    }
}
