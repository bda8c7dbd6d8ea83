//! Names that keyward's connections take on servers, so that one server under two addresses is recognised.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The name that the looks at one configured server hold there as a named lock.
#[derive(Clone, Debug)]
pub struct NameTag {
    lock: String,
    /// The connection that holds it, counted from 1 by the looker; 0 for none.
    held_by: Arc<AtomicU64>,
}

impl NameTag {
    /// The tag of the server that this daemon instance calls `server`, for example `RegionTwo/r2-db1`.
    pub fn new(instance: &str, server: &str) -> Self {
        // FNV-1a: a lock's name has 64 characters at most, and both ends are this very process
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in instance.bytes().chain([0]).chain(server.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self { lock: format!("keyward.is.{hash:016x}"), held_by: Arc::default() }
    }

    /// The lock's name.
    pub fn lock(&self) -> &str {
        &self.lock
    }

    /// The looker's connection that is known to hold the name, 0 for none.
    pub fn held_by(&self) -> u64 {
        self.held_by.load(Ordering::Acquire)
    }

    /// Remembers which connection holds the name, 0 for none.
    pub fn set_held_by(&self, connection: u64) {
        self.held_by.store(connection, Ordering::Release);
    }
}

/// Whether the daemon wants to be the one that acts on a replica; the looks take and release the lock.
#[derive(Clone, Debug, Default)]
pub struct ActingWish(Arc<AtomicBool>);

impl ActingWish {
    /// Takes effect at the next look.
    pub fn set(&self, wanted: bool) {
        self.0.store(wanted, Ordering::Release);
    }

    /// Whether the lock is wanted.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_and_every_instance_has_its_own_short_name() {
        let name = |instance, server| NameTag::new(instance, server).lock().to_owned();
        let long = "x".repeat(64);
        let all =
            [name("a", "master"), name("b", "master"), name("a", "R/master"), name("aR", "/master"), name(&long, "m")];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert!(all.iter().all(|name| name.len() <= 64));
        assert_eq!(name("a", "master"), name("a", "master"));
    }
}
