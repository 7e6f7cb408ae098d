//! Collects whole listings and the details of their records, a call at a time, so that what was read is kept
//! when a call fails or the caller has no more time.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::client::{Listed, Paged, Side, several};
use super::filter;
use super::listing::{Collector, Refused, Which};
use super::wire::Identified;
use crate::bss::error::BssError;
use crate::bss::port::{Freshness, Operation};

/// So many rows of a collection are looked at to find a known member.
const SAMPLE: u16 = 25;

/// Whether there is more to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Done,
}

/// Whose records are wanted.
#[derive(Clone, Debug)]
pub(super) enum Whose {
    /// Of all upgrades.
    All,
    /// Those whose field has this value.
    Of { field: &'static str, value: String },
}

/// A listing on its way.
#[derive(Debug)]
pub(super) struct Listing<R> {
    operation: Operation,
    path: Vec<String>,
    whose: Whose,
    owner: fn(&R) -> Option<&str>,
    phase: Phase<R>,
}

#[derive(Debug)]
enum Phase<R> {
    /// As the filter gives it.
    Filtered(Collector<R>),
    /// The filter gave nothing: a known member is looked for, by which it can be tried.
    Sample,
    /// The filter is tried on the owner of a known member.
    Trial {
        owner: String,
        member: String,
    },
    /// The filter cannot be relied on: everything is read, and filtered here.
    Unfiltered(Collector<R>),
    Done(Vec<R>),
}

impl<R: Identified + DeserializeOwned> Listing<R> {
    pub(super) fn new(
        side: &Side,
        operation: Operation,
        path: &[&str],
        whose: Whose,
        owner: fn(&R) -> Option<&str>,
    ) -> Self {
        let collector = collector(side);
        Self {
            operation,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            phase: match whose {
                Whose::All => Phase::Unfiltered(collector),
                Whose::Of { .. } => Phase::Filtered(collector),
            },
            whose,
            owner,
        }
    }

    /// Asks for one page.
    pub(super) async fn step(&mut self, side: &Side) -> Result<Step, BssError> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let (whose, owner) = (&self.whose, self.owner);
        let expression = match whose {
            Whose::All => None,
            Whose::Of { field, value } => Some(filter::equals(field, value)),
        };
        let list = |filter| Listed {
            operation: self.operation,
            path: &path,
            filter,
            which: Which::First,
        };
        let next = match &mut self.phase {
            Phase::Done(_) => return Ok(Step::Done),
            Phase::Filtered(collector) => {
                turn(
                    side,
                    &list(expression.as_deref()),
                    collector,
                    (whose, owner),
                )
                .await?;
                if collector.wanted().is_some() {
                    None
                } else if collector.scanned() == 0 {
                    Some(Phase::Sample)
                } else {
                    Some(finished(std::mem::replace(
                        collector,
                        self::collector(side),
                    )))
                }
            }
            Phase::Unfiltered(collector) => {
                turn(side, &list(None), collector, (whose, owner)).await?;
                match collector.wanted() {
                    Some(_) => None,
                    None => Some(finished(std::mem::replace(
                        collector,
                        self::collector(side),
                    ))),
                }
            }
            Phase::Sample => {
                let rows: Vec<R> = side.sample(self.operation, &path, SAMPLE).await?;
                Some(after_sample(side, &rows, (whose, owner)))
            }
            Phase::Trial {
                owner: known,
                member,
            } => {
                let works = filter_works(side, &list(None), whose, (known, member)).await?;
                Some(if works {
                    Phase::Done(Vec::new())
                } else {
                    Phase::Unfiltered(self::collector(side))
                })
            }
        };
        if let Some(next) = next {
            self.phase = next;
        }
        Ok(match self.phase {
            Phase::Done(_) => Step::Done,
            Phase::Filtered(_) | Phase::Sample | Phase::Trial { .. } | Phase::Unfiltered(_) => {
                Step::More
            }
        })
    }

    /// Asks until it is complete.
    pub(super) async fn whole(mut self, side: &Side) -> Result<Vec<R>, BssError> {
        while self.step(side).await? == Step::More {}
        Ok(self.rows().unwrap_or_default())
    }

    fn rows(self) -> Option<Vec<R>> {
        match self.phase {
            Phase::Done(rows) => Some(rows),
            Phase::Filtered(_) | Phase::Sample | Phase::Trial { .. } | Phase::Unfiltered(_) => None,
        }
    }

    /// The rows, once it is done.
    pub(super) fn done(&self) -> Option<&[R]> {
        match &self.phase {
            Phase::Done(rows) => Some(rows),
            Phase::Filtered(_) | Phase::Sample | Phase::Trial { .. } | Phase::Unfiltered(_) => None,
        }
    }
}

fn collector<R: Identified>(side: &Side) -> Collector<R> {
    let reading = &side.options.reading;
    Collector::new(reading.paging, reading.max_scanned)
}

fn finished<R: Identified>(collector: Collector<R>) -> Phase<R> {
    Phase::Done(collector.into_kept().unwrap_or_default())
}

/// Takes one page into the collector.
async fn turn<R: Identified + DeserializeOwned>(
    side: &Side,
    list: &Listed<'_>,
    collector: &mut Collector<R>,
    (whose, owner): (&Whose, fn(&R) -> Option<&str>),
) -> Result<(), BssError> {
    let Some(ask) = collector.wanted().cloned() else {
        return Ok(());
    };
    let name = list.path.join("/");
    let list = Listed {
        which: collector.which(),
        ..list.clone()
    };
    let page = match side.page::<R>(&list, &ask).await? {
        Paged::Rows(page) => page,
        Paged::TooSlow => {
            collector.page_otherwise();
            return Ok(());
        }
    };
    if let Whose::Of { field, .. } = whose
        && page.all.iter().any(|row| owner(row).is_none())
    {
        return Err(BssError::Malformed {
            detail: format!("{name} has a record that does not say its {field}"),
        });
    }
    let keep = |row: &R| match whose {
        Whose::All => true,
        Whose::Of { value, .. } => owner(row) == Some(value),
    };
    collector
        .take(page, keep)
        .map_err(|refused| BssError::Malformed {
            detail: match refused {
                Refused::NeverTheSame(why) => {
                    format!("{name} cannot be read to its end: {why}, again and again")
                }
                Refused::TooMany(most) => format!(
                    "{name} has more than {most} records: the filter is not heeded; raise \
                 interworks.reading.maxScanned, or give the API user a narrower view"
                ),
            },
        })
}

fn after_sample<R: Identified>(
    side: &Side,
    rows: &[R],
    (whose, owner): (&Whose, fn(&R) -> Option<&str>),
) -> Phase<R> {
    let wanted = match whose {
        Whose::All => None,
        Whose::Of { value, .. } => Some(value.as_str()),
    };
    let mut known = rows.iter().filter_map(|row| Some((owner(row)?, row.id())));
    let found_here = known.clone().any(|(owner, _)| Some(owner) == wanted);
    match known.next() {
        // A member of this very list was not given: the filter does not work.
        _ if found_here => Phase::Unfiltered(collector(side)),
        None => Phase::Unfiltered(collector(side)),
        Some((owner, member)) => Phase::Trial {
            owner: owner.to_owned(),
            member: member.to_owned(),
        },
    }
}

/// Whether the filter, asked for the owner of a known member, gives that member and nothing else's.
async fn filter_works(
    side: &Side,
    list: &Listed<'_>,
    whose: &Whose,
    (owner, member): (&str, &str),
) -> Result<bool, BssError> {
    /// Its other fields are of no interest.
    #[derive(serde::Deserialize)]
    struct Anything {
        id: serde_json::Value,
    }
    let Whose::Of { field, .. } = whose else {
        return Ok(false);
    };
    let expression = filter::equals(field, owner);
    let list = Listed {
        filter: Some(&expression),
        ..list.clone()
    };
    let page: Vec<Anything> = side.first_page(&list).await?;
    let is_it = |row: &Anything| {
        let text = row
            .id
            .as_str()
            .map_or_else(|| row.id.to_string(), str::to_owned);
        text == member
    };
    Ok(page.iter().any(is_it))
}

/// Details of records that come one by one.
#[derive(Debug)]
pub(super) struct Details<T> {
    open: BTreeSet<String>,
    got: BTreeMap<String, T>,
    /// When each record was changed last, as its row says.
    changed: BTreeMap<String, String>,
}

/// Details that an earlier look read, with the time of change that they had.
pub(super) type Remembered<T> = BTreeMap<String, (String, T)>;

impl<T: Clone> Details<T> {
    /// Of these records: what is remembered of one that has not changed since need not be read.
    pub(super) fn of<'a>(
        records: impl Iterator<Item = (&'a str, Option<&'a str>)>,
        remembered: &Remembered<T>,
        freshness: Freshness,
    ) -> Self {
        let mut details = Self {
            open: BTreeSet::new(),
            got: BTreeMap::new(),
            changed: BTreeMap::new(),
        };
        for (id, changed) in records {
            if let Some(changed) = changed {
                details.changed.insert(id.to_owned(), changed.to_owned());
            }
            let known = remembered.get(id).filter(|(then, _)| {
                freshness == Freshness::Remembered && Some(then.as_str()) == changed
            });
            match known {
                Some((_, detail)) => {
                    details.got.insert(id.to_owned(), detail.clone());
                }
                None => {
                    details.open.insert(id.to_owned());
                }
            }
        }
        details
    }

    /// Asks for as many as may be asked for at a time.
    pub(super) async fn step<F: Future<Output = Result<T, BssError>>>(
        &mut self,
        side: &Side,
        ask: impl Fn(String) -> F,
    ) -> Result<Step, BssError> {
        let next: BTreeSet<String> = self.open.iter().take(side.at_once()).cloned().collect();
        let (answers, failed) = several(&next, ask).await;
        for (id, answer) in answers {
            self.open.remove(&id);
            self.got.insert(id, answer);
        }
        match failed {
            Some(error) => Err(error),
            None if self.open.is_empty() => Ok(Step::Done),
            None => Ok(Step::More),
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.got.get(id)
    }

    /// What may be remembered of it.
    pub(super) fn remembered(&self) -> Remembered<T> {
        let got = self.got.iter();
        let with_time = got.filter_map(|(id, detail)| {
            let changed = self.changed.get(id)?.clone();
            Some((id.clone(), (changed, detail.clone())))
        });
        with_time.collect()
    }
}
