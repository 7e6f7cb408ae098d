//! Turns of writes to the API server. A few go side by side, and the first word about an upgrade waits for none of
//! them: people who created one see at once that it was seen, however many others work.
//!
//! More writes side by side than an API server can work on come to an end no sooner, each takes longer, and what
//! people wait for is among them. So while first words are under way the others make room.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// So many writes that can wait are under way at a time.
const SIDE_BY_SIDE: usize = 16;
/// So many of them beside first words. They go on however many first words come.
const BESIDE_FIRST_WORDS: usize = 2;

/// A write without an answer for so long hangs.
const HANGS: Duration = Duration::from_secs(2);

/// Which writes go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precedence {
    /// The first status of an upgrade: at once.
    First,
    /// Everything else: in the order in which they came.
    InTurn,
}

/// The turns of a process.
#[derive(Debug)]
pub(super) struct Writes {
    side_by_side: Semaphore,
    under_way: Mutex<UnderWay>,
    one_ended: Notify,
    /// A write without an answer for so long hangs.
    hangs: Duration,
}

#[derive(Debug, Default)]
struct UnderWay {
    first: usize,
    in_turn: usize,
}

impl UnderWay {
    fn of(&mut self, precedence: Precedence) -> &mut usize {
        match precedence {
            Precedence::First => &mut self.first,
            Precedence::InTurn => &mut self.in_turn,
        }
    }
}

impl Default for Writes {
    fn default() -> Self {
        Self {
            side_by_side: Semaphore::new(SIDE_BY_SIDE),
            under_way: Mutex::default(),
            one_ended: Notify::new(),
            hangs: HANGS,
        }
    }
}

impl Writes {
    /// Makes a write when it may begin. One that hangs gives its turn back while it goes on: an API server or a
    /// webhook that is slow for one object holds up no other.
    pub(super) async fn during<T>(
        &self,
        precedence: Precedence,
        write: impl Future<Output = T>,
    ) -> T {
        let turn = self.turn(precedence).await;
        let mut write = pin!(write);
        if let Ok(answer) = timeout(self.hangs, &mut write).await {
            return answer;
        }
        drop(turn);
        write.await
    }

    /// Waits until the write may begin. It counts as under way until the answer is dropped.
    async fn turn(&self, precedence: Precedence) -> Turn<'_> {
        let place = match precedence {
            Precedence::First => None,
            // It is never closed.
            Precedence::InTurn => self.side_by_side.acquire().await.ok(),
        };
        loop {
            let mut ended = pin!(self.one_ended.notified());
            // What ends from here on is not missed.
            ended.as_mut().enable();
            if self.begins(precedence) {
                return Turn {
                    writes: self,
                    precedence,
                    _place: place,
                };
            }
            ended.await;
        }
    }

    fn begins(&self, precedence: Precedence) -> bool {
        let mut under_way = self.lock();
        let room = under_way.first == 0 || under_way.in_turn < BESIDE_FIRST_WORDS;
        if precedence == Precedence::InTurn && !room {
            return false;
        }
        let count = under_way.of(precedence);
        *count = count.saturating_add(1);
        true
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that is under way.
#[derive(Debug)]
struct Turn<'a> {
    writes: &'a Writes,
    precedence: Precedence,
    _place: Option<SemaphorePermit<'a>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut under_way = self.writes.lock();
        let count = under_way.of(self.precedence);
        *count = count.saturating_sub(1);
        drop(under_way);
        self.writes.one_ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn now(writes: &Writes, precedence: Precedence) -> Option<Turn<'_>> {
        writes.turn(precedence).now_or_never()
    }

    #[test]
    fn the_first_word_waits_for_no_other_write() {
        let writes = Writes::default();
        let mut others: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|_| now(&writes, Precedence::InTurn).expect("a free turn"))
            .collect();
        assert!(now(&writes, Precedence::InTurn).is_none());
        assert!(now(&writes, Precedence::First).is_some());
        others.pop();
        assert!(now(&writes, Precedence::InTurn).is_some());
    }

    #[tokio::test]
    async fn others_make_room_for_first_words_and_go_on_beside_them() {
        let writes = Writes::default();
        let first = now(&writes, Precedence::First).expect("at once");
        let beside: Vec<_> = (0..BESIDE_FIRST_WORDS)
            .map(|_| now(&writes, Precedence::InTurn).expect("a turn beside the first word"))
            .collect();
        let mut waits = pin!(writes.turn(Precedence::InTurn));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(first);
        let turn = waits.await;
        drop((turn, beside));
        assert_eq!(writes.lock().in_turn, 0);
    }

    #[tokio::test]
    async fn writes_that_hang_give_their_turns_back_and_go_on() {
        let writes = Writes {
            hangs: Duration::from_millis(20),
            ..Writes::default()
        };
        let (answers, answered): (Vec<_>, Vec<_>) = (0..SIDE_BY_SIDE)
            .map(|_| tokio::sync::oneshot::channel::<()>())
            .unzip();
        let hanging = answered
            .into_iter()
            .map(|answered| writes.during(Precedence::InTurn, answered));
        let hanging = futures::future::join_all(hanging);
        let other = async {
            // It comes to its turn although none of the others was answered.
            writes.during(Precedence::InTurn, async {}).await;
            for answer in answers {
                answer.send(()).expect("it waits");
            }
        };
        let (all, ()) = tokio::join!(hanging, other);
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(writes.lock().in_turn, 0);
    }

    #[tokio::test]
    async fn one_that_waits_is_woken_when_another_ends_beside_first_words() {
        let writes = Writes::default();
        let _first = now(&writes, Precedence::First).expect("at once");
        let mut beside: Vec<_> = (0..BESIDE_FIRST_WORDS)
            .map(|_| now(&writes, Precedence::InTurn).expect("a turn beside the first word"))
            .collect();
        let mut waits = pin!(writes.turn(Precedence::InTurn));
        assert!(waits.as_mut().now_or_never().is_none());
        beside.pop();
        assert!(waits.as_mut().now_or_never().is_some());
    }
}
