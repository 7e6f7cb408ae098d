use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use futures::future::join_all;

use super::*;
use crate::api::Reason;
use crate::upgrade::ReadyState;

/// The adapter of the tests is a number: how often the Secrets were read.
type Bss = usize;

#[derive(Default)]
struct Secrets {
    read: AtomicUsize,
}

impl Secrets {
    async fn read(&self) -> Result<(Arc<Bss>, Option<String>), DereferenceError> {
        let nth = self.read.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        Ok((Arc::new(nth), None))
    }

    async fn missing(&self) -> Result<(Arc<Bss>, Option<String>), DereferenceError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        Err(DereferenceError::Unworkable(Box::new(ReadyState {
            reason: Reason::DependencyNotReady,
            message: String::new(),
            next_action: String::new(),
        })))
    }

    fn count(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Upgrades of one connection, each of which has an adapter.
async fn upgrades<const N: usize>(
    connections: &Connections<Bss>,
    secrets: &Secrets,
) -> [Option<Used<Bss>>; N] {
    let mut all = [const { None }; N];
    for upgrade in &mut all {
        let used = Used::at(upgrade, connections, "one");
        adopt(used, secrets, 0).await;
    }
    all
}

async fn adopt(used: &mut Used<Bss>, secrets: &Secrets, at: u64) -> Bss {
    let made = used.connection.adapter(s(at), secrets.read()).await;
    let adapter = made.ok().unwrap();
    used.takes(&adapter);
    *adapter.bss
}

#[tokio::test]
async fn upgrades_of_one_connection_share_one_adapter_and_its_renewal() {
    let (connections, secrets) = (Connections::default(), Secrets::default());
    let mut all = upgrades::<3>(&connections, &secrets).await;
    assert_eq!(secrets.count(), 1);
    for upgrade in all.iter_mut().flatten() {
        assert_eq!(adopt(upgrade, &secrets, 59).await, 0, "still fresh");
    }
    let again = all.iter_mut().flatten();
    let again = join_all(again.map(|used| adopt(used, &secrets, 60))).await;
    assert_eq!(again, [1, 1, 1], "read once, by one of them");
    // Another version is another connection; and the first is kept by those that use it alone.
    let mut other = None;
    let other = Used::at(&mut other, &connections, "two");
    assert_eq!(adopt(other, &secrets, 60).await, 2);
    drop(all);
    let mut anew = None;
    let anew = Used::at(&mut anew, &connections, "one");
    assert_eq!(adopt(anew, &secrets, 61).await, 3);
}

#[tokio::test]
async fn an_adapter_that_was_refused_is_used_by_no_upgrade_and_renewed_once() {
    let (connections, secrets) = (Connections::default(), Secrets::default());
    let mut all = upgrades::<3>(&connections, &secrets).await;
    let [Some(a), Some(b), Some(c)] = &mut all else {
        panic!("three");
    };
    a.refused();
    assert_eq!(adopt(b, &secrets, 1).await, 1);
    // It was refused what b does not use any more.
    c.refused();
    assert_eq!(adopt(c, &secrets, 1).await, 1);
    assert_eq!(adopt(a, &secrets, 1).await, 1);
    // A person asked for it: whatever there is is renewed.
    a.renew();
    assert_eq!(adopt(b, &secrets, 1).await, 2);
    assert_eq!(adopt(a, &secrets, 1).await, 2);
}

#[tokio::test]
async fn those_that_wait_for_the_secrets_share_what_is_wrong_and_the_next_one_reads_again() {
    let (connections, secrets) = (Connections::default(), Secrets::default());
    let mut all = upgrades::<3>(&connections, &secrets).await;
    let missing = all.iter_mut().flatten().map(|used| {
        let connection = Arc::clone(&used.connection);
        let missing = secrets.missing();
        async move { connection.adapter(s(60), missing).await.is_err() }
    });
    assert_eq!(join_all(missing).await, [true; 3]);
    assert_eq!(secrets.count(), 2, "and one more for the three of them");
    let [Some(a), ..] = &mut all else {
        panic!("three");
    };
    assert_eq!(adopt(a, &secrets, 60).await, 2);
}

fn told(asked: Asked) -> Option<Outcome> {
    match asked {
        Asked::Told(outcome) => Some(*outcome),
        Asked::NotYet(_) => None,
    }
}

fn identity() -> Outcome {
    Outcome::Identity(Some("acme".to_owned()))
}

#[tokio::test]
async fn a_question_is_asked_once_for_all_and_anew_when_its_answer_is_old() {
    let (connections, secrets) = (Connections::default(), Secrets::default());
    let mut all = upgrades::<3>(&connections, &secrets).await;
    let [Some(a), Some(b), Some(c)] = &mut all else {
        panic!("three");
    };
    let Asked::NotYet(asking) = a.ask(Question::Identity, s(1)).await else {
        panic!("nothing was told yet");
    };
    {
        let mut waiting = Box::pin(b.ask(Question::Identity, s(1)));
        assert!(waiting.as_mut().now_or_never().is_none(), "a asks");
        let other = c.ask(Question::Capabilities, s(1)).now_or_never();
        assert!(told(other.unwrap()).is_none(), "another question");
        a.learn(&identity(), s(1));
        drop(asking);
        assert_eq!(told(waiting.await), Some(identity()));
    }
    assert_eq!(
        told(c.ask(Question::Identity, s(60)).await),
        Some(identity())
    );
    assert_eq!(told(c.ask(Question::Identity, s(61)).await), None, "old");
    // A person changed an upgrade: it asks itself; the others need not.
    a.hear_anew();
    assert_eq!(told(a.ask(Question::Identity, s(2)).await), None);
    assert_eq!(
        told(b.ask(Question::Identity, s(2)).await),
        Some(identity())
    );
    a.learn(&identity(), s(2));
    assert_eq!(
        told(a.ask(Question::Identity, s(2)).await),
        Some(identity())
    );
    // Through another adapter it may be another BSS.
    b.renew();
    adopt(b, &secrets, 3).await;
    assert_eq!(told(b.ask(Question::Identity, s(3)).await), None);
}

#[tokio::test]
async fn after_a_call_that_failed_each_asks_for_itself() {
    let (connections, secrets) = (Connections::default(), Secrets::default());
    let all = upgrades::<3>(&connections, &secrets).await;
    let [Some(a), Some(b), Some(c)] = &all else {
        panic!("three");
    };
    let asking = a.ask(Question::Capabilities, s(0)).await;
    let mut others = [b, c].map(|used| Box::pin(used.ask(Question::Capabilities, s(0))));
    for other in &mut others {
        assert!(other.as_mut().now_or_never().is_none());
    }
    drop(asking);
    let [b, c] = others.map(futures::FutureExt::now_or_never);
    let (b, c) = (b.unwrap(), c.unwrap());
    assert!(matches!((b, c), (Asked::NotYet(_), Asked::NotYet(_))));
}
