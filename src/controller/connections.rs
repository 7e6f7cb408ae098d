//! What a process keeps of each connection, for all the upgrades that use it: the adapter with its client, and
//! what the BSS told of itself through it. An upgrade that waits holds a reference and nothing more.
//!
//! The Secrets of a connection are read by one upgrade at a time, and the BSS is asked for its identity and its
//! capabilities by one: the others wait for what comes of it. Nothing here touches the cluster or the BSS;
//! `dereference` reads, `perform` asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::dereference::DereferenceError;
use crate::bss::port::Capabilities;
use crate::upgrade::{Outcome, Read};

/// A Secret is read again after this long, and the BSS is asked anew what it is.
const SECRET_LIFE: Duration = Duration::from_secs(60);

/// The connections that upgrades use, by the version of their objects.
pub(super) struct Connections<B> {
    shared: Mutex<HashMap<String, Weak<Connection<B>>>>,
}

impl<B> Default for Connections<B> {
    fn default() -> Self {
        Self {
            shared: Mutex::default(),
        }
    }
}

impl<B> Connections<B> {
    /// What is kept of this version of a connection. It is dropped with the last upgrade that uses it.
    fn of(&self, version: &str) -> Arc<Connection<B>> {
        let mut shared = self.lock();
        if let Some(known) = shared.get(version).and_then(Weak::upgrade) {
            return known;
        }
        shared.retain(|_, connection| connection.strong_count() > 0);
        let made = Arc::new(Connection::default());
        shared.insert(version.to_owned(), Arc::downgrade(&made));
        made
    }

    /// No upgrade that begins from now on shares what was kept so far.
    pub(super) fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<Connection<B>>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an upgrade uses of a connection.
pub(super) struct Used<B> {
    pub(super) connection: Arc<Connection<B>>,
    version: String,
    /// The adapter that it was given last.
    adapter: Option<u64>,
    /// Answers of the BSS up to this one are too old for it.
    heard: u64,
}

impl<B> Used<B> {
    /// The upgrade uses this version of a connection from now on.
    pub(super) fn at<'a>(
        used: &'a mut Option<Self>,
        connections: &Connections<B>,
        version: &str,
    ) -> &'a mut Self {
        used.take_if(|used| used.version != version);
        used.get_or_insert_with(|| Self {
            connection: connections.of(version),
            version: version.to_owned(),
            adapter: None,
            heard: 0,
        })
    }

    /// The upgrade calls through this adapter now. Answers whether it is another one than before.
    pub(super) fn takes(&mut self, adapter: &Adapter<B>) -> Taken {
        if self.adapter.replace(adapter.number) == Some(adapter.number) {
            Taken::TheSame
        } else {
            Taken::Another
        }
    }

    /// A person asks for a new look: the Secrets are read again before the next call.
    pub(super) fn renew(&self) {
        let mut state = self.connection.lock();
        state.outdated = state.begun;
    }

    /// The BSS refused what this upgrade called with: that adapter is not used any more, by any upgrade. One
    /// that was made since stays.
    pub(super) fn refused(&self) {
        let mut state = self.connection.lock();
        state.outdated = state.outdated.max(self.adapter.unwrap_or(0));
    }

    /// The upgrade begins anew because a person changed it: what the BSS told before does not count.
    pub(super) fn hear_anew(&mut self) {
        self.heard = self.connection.lock().answers;
    }

    /// What the BSS told of itself, through the adapter in use; or the right to ask it, for as long as the
    /// answer to this is held.
    pub(super) async fn ask(&self, question: Question, now: Duration) -> Asked {
        let under_way = {
            let mut state = self.connection.lock();
            if let Some(told) = state.told(question, self, now) {
                return Asked::Told(Box::new(told));
            }
            match state
                .asking(question)
                .take_if(|asked| asked.has_changed().is_ok())
            {
                None => return Asked::NotYet(state.ask(question)),
                Some(under_way) => {
                    *state.asking(question) = Some(under_way.clone());
                    under_way
                }
            }
        };
        Self::ended(under_way).await;
        let mut state = self.connection.lock();
        match state.told(question, self, now) {
            Some(told) => Asked::Told(Box::new(told)),
            // It failed. All that waited ask for themselves: none waits for two calls.
            None => Asked::NotYet(state.ask(question)),
        }
    }

    /// The other upgrade drops its end when its call has ended.
    async fn ended(mut under_way: watch::Receiver<()>) {
        while under_way.changed().await.is_ok() {}
    }

    /// Takes an answer of the BSS.
    pub(super) fn learn(&self, outcome: &Outcome, now: Duration) {
        let Some(adapter) = self.adapter else { return };
        let mut state = self.connection.lock();
        let order = state.answers.saturating_add(1);
        let answer = |at| Answer { order, adapter, at };
        if let Outcome::Identity(told) = outcome {
            state.identity = Some((told.clone(), answer(now)));
        } else if let Outcome::Capabilities(told) = outcome {
            state.capabilities = Some((told.clone(), answer(now)));
        } else {
            return;
        }
        state.answers = order;
    }
}

/// Whether an upgrade was given another adapter than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Another,
    TheSame,
}

/// What a BSS is asked about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Identity,
    Capabilities,
}

impl Question {
    /// The question that a read asks, if it asks one.
    pub(super) fn of(read: &Read) -> Option<Self> {
        match read {
            Read::Identity => Some(Self::Identity),
            Read::Capabilities => Some(Self::Capabilities),
            Read::Reseller
            | Read::Tenant
            | Read::Operation(_)
            | Read::OpenOrders(_)
            | Read::Watch(_)
            | Read::Preflight(_) => None,
        }
    }
}

/// What came of a question.
pub(super) enum Asked {
    /// Another upgrade asked it a moment ago.
    Told(Box<Outcome>),
    /// It is to be asked. The others wait until this is dropped.
    NotYet(Asking),
}

/// A question to the BSS that is under way.
pub(super) struct Asking(
    #[expect(dead_code, reason = "dropped, it wakes those that wait")] watch::Sender<()>,
);

/// An adapter that all upgrades of a connection call through.
pub(super) struct Adapter<B> {
    pub(super) bss: Arc<B>,
    /// What looks wrong with the credentials that it uses.
    pub(super) doubt: Option<String>,
    number: u64,
    made_at: Duration,
}

impl<B> Clone for Adapter<B> {
    fn clone(&self) -> Self {
        Self {
            bss: Arc::clone(&self.bss),
            doubt: self.doubt.clone(),
            number: self.number,
            made_at: self.made_at,
        }
    }
}

/// When the BSS gave an answer.
#[derive(Clone, Copy, Debug)]
struct Answer {
    order: u64,
    /// Through which adapter.
    adapter: u64,
    at: Duration,
}

/// What is kept of one connection.
pub(super) struct Connection<B> {
    state: Mutex<State<B>>,
    /// Held by the upgrade that reads the Secrets.
    reading: tokio::sync::Mutex<()>,
}

impl<B> Default for Connection<B> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                adapter: None,
                begun: 0,
                ended: 0,
                outdated: 0,
                failed: None,
                answers: 0,
                identity: None,
                capabilities: None,
                asking: [None, None],
            }),
            reading: tokio::sync::Mutex::default(),
        }
    }
}

struct State<B> {
    adapter: Option<Adapter<B>>,
    /// How often the Secrets began to be read, and the last time that came to an end.
    begun: u64,
    ended: u64,
    /// Adapters up to this one are not used any more.
    outdated: u64,
    /// The last reading, if it failed.
    failed: Option<(u64, DereferenceError)>,
    /// How often the BSS told something of itself.
    answers: u64,
    identity: Option<(Option<String>, Answer)>,
    capabilities: Option<(Capabilities, Answer)>,
    asking: [Option<watch::Receiver<()>>; 2],
}

impl<B> Connection<B> {
    /// The adapter, made anew by `read` if it is not fresh. Several upgrades that find it so wait for one
    /// of them, and share its failure too.
    pub(super) async fn adapter(
        &self,
        now: Duration,
        read: impl Future<Output = Result<(Arc<B>, Option<String>), DereferenceError>>,
    ) -> Result<Adapter<B>, DereferenceError> {
        if let Some(adapter) = self.at_hand(now) {
            return Ok(adapter);
        }
        let ended = self.lock().ended;
        let _reading = self.reading.lock().await;
        if let Some(adapter) = self.at_hand(now) {
            return Ok(adapter);
        }
        let number = {
            let mut state = self.lock();
            let news = |number: u64| number > ended && number > state.outdated;
            if let Some((number, error)) = &state.failed
                && news(*number)
            {
                return Err(error.clone());
            }
            state.begun = state.begun.saturating_add(1);
            state.begun
        };
        let made = read.await;
        let mut state = self.lock();
        state.ended = number;
        match made {
            Ok((bss, doubt)) => {
                let adapter = Adapter {
                    bss,
                    doubt,
                    number,
                    made_at: now,
                };
                state.failed = None;
                state.adapter = Some(adapter.clone());
                Ok(adapter)
            }
            Err(error) => {
                match &error {
                    // The API server may answer the next time.
                    DereferenceError::Cluster(_) => {}
                    // The credentials are given up.
                    DereferenceError::Unworkable(_) | DereferenceError::NoAccess(_) => {
                        state.adapter = None;
                    }
                }
                state.failed = Some((number, error.clone()));
                Err(error)
            }
        }
    }

    /// The adapter, if its Secrets were read a moment ago.
    pub(super) fn at_hand(&self, now: Duration) -> Option<Adapter<B>> {
        let state = self.lock();
        let fresh = |adapter: &&Adapter<B>| {
            adapter.number > state.outdated && now.saturating_sub(adapter.made_at) < SECRET_LIFE
        };
        state.adapter.as_ref().filter(fresh).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> State<B> {
    /// What the BSS told through the adapter that the upgrade uses, if it is fresh.
    fn told(&self, question: Question, used: &Used<B>, now: Duration) -> Option<Outcome> {
        let fresh = |answer: &Answer| {
            answer.order > used.heard
                && Some(answer.adapter) == used.adapter
                && now.saturating_sub(answer.at) < SECRET_LIFE
        };
        match question {
            Question::Identity => {
                let told = self.identity.as_ref().filter(|(_, answer)| fresh(answer));
                told.map(|(told, _)| Outcome::Identity(told.clone()))
            }
            Question::Capabilities => {
                let told = self
                    .capabilities
                    .as_ref()
                    .filter(|(_, answer)| fresh(answer));
                told.map(|(told, _)| Outcome::Capabilities(told.clone()))
            }
        }
    }

    fn asking(&mut self, question: Question) -> &mut Option<watch::Receiver<()>> {
        let [identity, capabilities] = &mut self.asking;
        match question {
            Question::Identity => identity,
            Question::Capabilities => capabilities,
        }
    }

    fn ask(&mut self, question: Question) -> Asking {
        let (done, under_way) = watch::channel(());
        *self.asking(question) = Some(under_way);
        Asking(done)
    }
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
