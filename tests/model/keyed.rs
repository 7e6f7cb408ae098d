//! Values that are shared between states and know their own hash: of a state that follows another
//! most parts are the same, so they are neither copied nor hashed again.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// A shared value with its hash.
#[derive(Clone, Debug)]
pub(crate) struct Keyed<T> {
    value: Arc<T>,
    key: u128,
}

impl<T: Clone + Hash> Keyed<T> {
    pub(crate) fn new(value: T) -> Self {
        let key = key_of(&value);
        Self {
            value: Arc::new(value),
            key,
        }
    }

    /// Changes it; its hash follows.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(Arc::make_mut(&mut self.value));
        self.key = key_of(&*self.value);
        result
    }

    pub(crate) fn key(&self) -> u128 {
        self.key
    }
}

impl<T> std::ops::Deref for Keyed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Hash for Keyed<T> {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.key.hash(to);
    }
}

/// The first half of the SHA-256 over all that `Hash` tells of a value: no two of some millions of
/// states share it by chance.
pub(crate) fn key_of<T: Hash>(value: &T) -> u128 {
    let mut told = Told(Vec::with_capacity(4096));
    value.hash(&mut told);
    let bytes = Sha256::digest(&told.0);
    u128::from_be_bytes(bytes[..16].try_into().unwrap())
}

/// Keeps what it is told.
struct Told(Vec<u8>);

impl Hasher for Told {
    fn finish(&self) -> u64 {
        0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
