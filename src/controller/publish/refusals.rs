//! What the API server refuses of what the operator publishes. A refused object holds back no other
//! object and no deletion: it is remembered here, and told on the object that can be written.
//!
//! Touches nothing. An API server that is away, or a write that met another one, is no refusal.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::TenantResellerUpgradeStatus;
use crate::cluster::port::{ClusterError, ClusterResult};

/// The names of the upgrade's own status, and of the part of it that is written when all of it is refused.
pub(in crate::controller) const OWN_STATUS: &str = "the status of the upgrade";
pub(super) const OWN_CONDITIONS: &str = "the conditions of the upgrade";
/// An answer of the API server is cut to this length where people read it.
const LONGEST: usize = 300;
/// A status that was refused is sent again after this long, or when it has changed.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// The objects whose last write was refused, with what the API server said.
#[derive(Debug, Default)]
pub(in crate::controller) struct Refusals {
    refused: BTreeMap<String, Refusal>,
    /// The status of the upgrade that was refused, and when.
    status: Option<(Box<TenantResellerUpgradeStatus>, Duration)>,
}

#[derive(Debug)]
struct Refusal {
    said: String,
    class: &'static str,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Yes,
    NotYet,
}

/// A refusal that was not told yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    /// In a sentence.
    pub(super) note: String,
    /// The class of the error.
    pub(super) class: &'static str,
}

impl Refusals {
    /// Takes in what became of a write of an object. A refusal is remembered and is no error.
    pub(in crate::controller) fn take<R>(
        &mut self,
        object: &str,
        written: ClusterResult<R>,
    ) -> ClusterResult<Option<R>> {
        let error = match written {
            Ok(answer) => {
                self.refused.remove(object);
                return Ok(Some(answer));
            }
            Err(error) => error,
        };
        match &error {
            ClusterError::Invalid(said) | ClusterError::Forbidden(said) => {
                let said = plain(said);
                let known = self.refused.get(object).filter(|known| known.said == said);
                let refusal = Refusal {
                    told: known.map_or(Told::NotYet, |known| known.told),
                    class: error.class(),
                    said,
                };
                self.refused.insert(object.to_owned(), refusal);
                Ok(None)
            }
            ClusterError::Conflict
            | ClusterError::Exists
            | ClusterError::Gone
            | ClusterError::Unavailable(_)
            | ClusterError::Busy { .. } => Err(error),
        }
    }

    /// The upgrade's own status was refused.
    pub(super) fn status_refused(&mut self, status: &TenantResellerUpgradeStatus, at: Duration) {
        self.status = Some((Box::new(status.clone()), at));
    }

    /// What the API server says of the upgrade's own status, while it refuses it.
    pub(in crate::controller) fn of_the_status(&self) -> Option<&str> {
        self.refused
            .get(OWN_STATUS)
            .map(|refusal| refusal.said.as_str())
    }

    /// Whether just this status was refused a moment ago.
    pub(super) fn refuses(&self, status: &TenantResellerUpgradeStatus, now: Duration) -> bool {
        self.status.as_ref().is_some_and(|(refused, at)| {
            **refused == *status && now.saturating_sub(*at) < AGAIN_AFTER
        })
    }

    /// The refusals that were not told yet. They count as told from now on.
    pub(super) fn news(&mut self) -> Vec<News> {
        let untold = self
            .refused
            .iter_mut()
            .filter(|(_, refusal)| refusal.told == Told::NotYet);
        untold
            .map(|(object, refusal)| {
                refusal.told = Told::Yes;
                News {
                    note: sentence(object, &refusal.said),
                    class: refusal.class,
                }
            })
            .collect()
    }

    /// What stands, for the status of the upgrade.
    pub(super) fn standing(&self) -> Option<String> {
        let mut all = self.refused.iter();
        let (object, refusal) = all.next()?;
        let first = sentence(object, &refusal.said);
        Some(match all.len() {
            0 => first,
            _ => format!("{first} More objects are refused; the events name them."),
        })
    }
}

fn sentence(object: &str, said: &str) -> String {
    format!("The API server refuses what the operator writes to {object}: {said}")
}

/// What an API server said, in one line and not too long.
fn plain(said: &str) -> String {
    let words: Vec<&str> = said
        .split(|c: char| c.is_whitespace() || c.is_control())
        .collect();
    let line = words.into_iter().filter(|word| !word.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    crate::upgrade::cut(&line, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(said: &str) -> ClusterResult<()> {
        Err(ClusterError::Invalid(said.to_owned()))
    }

    #[test]
    fn a_refusal_is_told_once_and_stands_until_the_object_is_written() {
        let mut refusals = Refusals::default();
        assert_eq!(refusals.standing(), None);
        assert!(
            refusals
                .take("CustomerPricing a", invalid("too\nlong"))
                .unwrap()
                .is_none()
        );
        let news = refusals.news();
        assert_eq!(news.len(), 1);
        assert_eq!(
            news[0].note,
            "The API server refuses what the operator writes to CustomerPricing a: too long"
        );
        refusals
            .take("CustomerPricing a", invalid("too\nlong"))
            .unwrap();
        assert_eq!(refusals.news(), [], "it is told once");
        assert_eq!(refusals.standing().as_deref(), Some(news[0].note.as_str()));
        refusals
            .take("CustomerPricing a", invalid("another"))
            .unwrap();
        assert_eq!(refusals.news().len(), 1, "another one");
        refusals.take("UpgradeReport b", invalid("no")).unwrap();
        assert!(
            refusals
                .standing()
                .unwrap()
                .ends_with("the events name them.")
        );
        refusals.take("CustomerPricing a", Ok(())).unwrap();
        refusals.take("UpgradeReport b", Ok(())).unwrap();
        assert_eq!(refusals.standing(), None);
    }

    #[test]
    fn what_passes_by_itself_is_no_refusal() {
        let mut refusals = Refusals::default();
        let away: ClusterResult<()> = Err(ClusterError::Unavailable("503".to_owned()));
        assert!(refusals.take("BssConnection a", away).is_err());
        let met: ClusterResult<()> = Err(ClusterError::Conflict);
        assert!(refusals.take("BssConnection a", met).is_err());
        assert_eq!(refusals.standing(), None);
    }

    #[test]
    fn an_answer_is_cut_on_a_whole_letter() {
        assert_eq!(plain(&"é".repeat(400)).len(), LONGEST);
    }
}
