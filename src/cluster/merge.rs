//! The watches of several namespaces as one.
//!
//! A cache is replaced whenever a list begins anew, so the lists of two namespaces would take each
//! other's objects out of it. Here each namespace's list becomes single changes instead: what is in
//! the list was applied, what is in the cache and not in the list was deleted. A namespace that cannot
//! be listed then holds up no other.

use std::collections::{HashSet, VecDeque};

use futures::{Stream, StreamExt, stream};
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};

use super::guarded::Guarded;
use super::stores::Fill;
use super::watch::Happenings;

/// The watch of one namespace.
pub(super) struct Source<K: Resource + Clone + 'static> {
    pub(super) namespace: String,
    pub(super) events: Happenings<K>,
    /// Told when everything of the first list is in the cache.
    pub(super) fill: Fill,
}

/// The events of all sources, for one cache. The cache counts as filled from the beginning; each
/// source tells by itself when its part is.
pub(super) fn merged<K>(
    sources: Vec<Source<K>>,
    store: &Store<Guarded<K>>,
) -> impl Stream<Item = Event<Guarded<K>>> + Send + use<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let sources = sources
        .into_iter()
        .map(|source| Box::pin(changes(Part::new(source, store.clone()))));
    stream::iter([Event::Init, Event::InitDone]).chain(stream::select_all(sources))
}

/// What one source does to the cache.
struct Part<K: Resource<DynamicType = ()> + Clone + 'static> {
    source: Source<K>,
    store: Store<Guarded<K>>,
    /// What the list that is under way held so far.
    listed: HashSet<String>,
    /// What is to be told before the source is asked again.
    queue: VecDeque<Event<Guarded<K>>>,
    /// Whether the end of a list is all that is left to tell.
    list_ended: bool,
}

fn changes<K>(part: Part<K>) -> impl Stream<Item = Event<Guarded<K>>> + Send
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Send + Sync + 'static,
{
    stream::unfold(part, |mut part| async move {
        loop {
            if let Some(event) = part.queue.pop_front() {
                return Some((event, part));
            }
            // The caller that asks for the next event has put the former ones into the cache.
            if std::mem::take(&mut part.list_ended) {
                part.source.fill.send_replace(true);
            }
            let event = part.source.events.next().await?;
            part.take(event);
        }
    })
}

impl<K> Part<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Send + Sync + 'static,
{
    fn new(source: Source<K>, store: Store<Guarded<K>>) -> Self {
        Self {
            source,
            store,
            listed: HashSet::new(),
            queue: VecDeque::new(),
            list_ended: false,
        }
    }

    fn take(&mut self, event: Event<Guarded<K>>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                let name = object.name_any();
                let reference = ObjectRef::new(&name).within(&self.source.namespace);
                // It was deleted and made again between two lists.
                let former = self.store.get(&reference);
                if let Some(former) = former.filter(|former| former.uid() != object.uid()) {
                    self.queue.push_back(Event::Delete((*former).clone()));
                }
                self.listed.insert(name);
                self.queue.push_back(Event::Apply(object));
            }
            Event::InitDone => {
                let gone = self.store.state_filter(|object| {
                    object.namespace().as_ref() == Some(&self.source.namespace)
                        && !self.listed.contains(&object.name_any())
                });
                let gone = gone.iter().map(|gone| Event::Delete((**gone).clone()));
                self.queue.extend(gone);
                self.listed = HashSet::new();
                self.list_ended = true;
            }
            Event::Apply(_) | Event::Delete(_) => self.queue.push_back(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::channel::mpsc;
    use kube::runtime::{WatchStreamExt, reflector, watcher};
    use serde_json::json;

    use super::*;
    use crate::api::BssConnection;

    type Events = mpsc::UnboundedSender<Event<Guarded<BssConnection>>>;

    fn object(namespace: &str, name: &str, uid: &str) -> Guarded<BssConnection> {
        serde_json::from_value(json!({
            "apiVersion": "tenantreseller.io/v1alpha1", "kind": "BssConnection",
            "metadata": { "namespace": namespace, "name": name, "uid": uid },
        }))
        .expect("metadata is readable")
    }

    struct Scene {
        store: Store<Guarded<BssConnection>>,
        senders: Vec<Events>,
        filled: Vec<tokio::sync::watch::Receiver<bool>>,
        told: mpsc::UnboundedReceiver<String>,
    }

    fn scene(namespaces: &[&str]) -> Scene {
        let (store, writer) = reflector::store();
        let (mut senders, mut sources, mut filled) = (Vec::new(), Vec::new(), Vec::new());
        for namespace in namespaces {
            let (sender, events) = mpsc::unbounded();
            let (fill, fills) = tokio::sync::watch::channel(false);
            sources.push(Source {
                namespace: (*namespace).to_owned(),
                events: events.boxed(),
                fill,
            });
            senders.push(sender);
            filled.push(fills);
        }
        let (tell, told) = mpsc::unbounded();
        let events = merged(sources, &store).map(Ok::<_, watcher::Error>);
        let events = events.reflect(writer);
        tokio::spawn(events.for_each(move |event| {
            let words = match event.expect("no error") {
                Event::Apply(object) => Some(format!("+{}", object.name_any())),
                Event::Delete(object) => Some(format!("-{}", object.uid().unwrap_or_default())),
                Event::Init | Event::InitApply(_) | Event::InitDone => None,
            };
            if let Some(words) = words {
                tell.unbounded_send(words).expect("the test listens");
            }
            std::future::ready(())
        }));
        Scene {
            store,
            senders,
            filled,
            told,
        }
    }

    impl Scene {
        fn list(&self, source: usize, objects: &[(&str, &str, &str)]) {
            let send = |event| self.senders[source].unbounded_send(event).expect("taken");
            send(Event::Init);
            for (namespace, name, uid) in objects {
                send(Event::InitApply(object(namespace, name, uid)));
            }
            send(Event::InitDone);
        }

        async fn tells(&mut self, count: usize) -> Vec<String> {
            let told = self.told.by_ref().take(count).collect();
            let bound = std::time::Duration::from_secs(5);
            tokio::time::timeout(bound, told).await.expect("told")
        }

        async fn filled(&mut self, source: usize) {
            let filled = self.filled[source].wait_for(|filled| *filled);
            let bound = std::time::Duration::from_secs(5);
            tokio::time::timeout(bound, filled)
                .await
                .expect("filled")
                .expect("the source lives");
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> = self
                .store
                .state()
                .iter()
                .map(|o| format!("{}/{}", o.namespace().unwrap_or_default(), o.name_any()))
                .collect();
            names.sort();
            names
        }
    }

    #[tokio::test]
    async fn a_list_of_one_namespace_leaves_the_others_objects() {
        let mut scene = scene(&["a", "b"]);
        scene.list(0, &[("a", "one", "1"), ("a", "two", "2")]);
        assert_eq!(scene.tells(2).await, ["+one", "+two"]);
        scene.filled(0).await;
        assert!(!*scene.filled[1].borrow(), "b was never listed");
        scene.list(1, &[("b", "one", "3")]);
        assert_eq!(scene.tells(1).await, ["+one"]);
        scene.filled(1).await;
        assert_eq!(scene.names(), ["a/one", "a/two", "b/one"]);
        // A new list of one: what is gone from it is deleted, and nothing else.
        scene.list(0, &[("a", "two", "2")]);
        assert_eq!(scene.tells(2).await, ["+two", "-1"]);
        assert_eq!(scene.names(), ["a/two", "b/one"]);
        scene.list(1, &[]);
        assert_eq!(scene.tells(1).await, ["-3"]);
        assert_eq!(scene.names(), ["a/two"]);
    }

    #[tokio::test]
    async fn what_was_made_again_between_two_lists_was_deleted() {
        let mut scene = scene(&["a"]);
        scene.list(0, &[("a", "one", "1")]);
        assert_eq!(scene.tells(1).await, ["+one"]);
        scene.list(0, &[("a", "one", "2")]);
        assert_eq!(scene.tells(2).await, ["-1", "+one"]);
        assert_eq!(scene.names(), ["a/one"]);
    }

    #[tokio::test]
    async fn changes_pass_and_a_list_that_was_cut_off_deletes_nothing() {
        let mut scene = scene(&["a"]);
        scene.list(0, &[("a", "one", "1"), ("a", "two", "2")]);
        assert_eq!(scene.tells(2).await, ["+one", "+two"]);
        let send = |event| scene.senders[0].unbounded_send(event).expect("taken");
        send(Event::Init);
        send(Event::InitApply(object("a", "two", "2")));
        send(Event::Init);
        send(Event::InitApply(object("a", "one", "1")));
        send(Event::InitApply(object("a", "two", "2")));
        send(Event::InitDone);
        send(Event::Delete(object("a", "one", "1")));
        send(Event::Apply(object("a", "three", "3")));
        let told = scene.tells(5).await;
        assert_eq!(told, ["+two", "+one", "+two", "-1", "+three"]);
        assert_eq!(scene.names(), ["a/three", "a/two"]);
    }
}
