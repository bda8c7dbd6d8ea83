//! What is known of one HAProxy that a hook sets, and the order to set it again.

use crate::model::haproxy::{Haproxy, HaproxyFacts, Side};
use crate::model::hook::HookSpec;
use crate::model::{Moment, RegionName};

/// A level to set again, with the region and the hook that wait for its outcome.
#[derive(Clone, Debug)]
pub struct LevelOrder {
    /// The region.
    pub region: RegionName,
    /// The hook.
    pub spec: HookSpec,
    /// Where authentication points.
    pub side: Side,
}

/// What is known of one hook's HAProxy.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// The last look.
    pub(super) seen: Option<Result<HaproxyFacts, String>>,
    pub(super) began: Moment,
    /// Looks that did not begin later may not show what was set since.
    pub(super) shows_from: Moment,
    /// It is being set again.
    pub(super) setting: bool,
    pub(super) failures: u32,
    pub(super) not_before: Option<Moment>,
    pub(super) failure: Option<String>,
}

impl Level {
    /// The last look, if it shows everything that was set.
    pub(super) fn facts(&self) -> Option<&HaproxyFacts> {
        self.seen.as_ref()?.as_ref().ok().filter(|_| self.began > self.shows_from)
    }

    /// Forgets the failures so far.
    pub(super) fn calm(&mut self) {
        (self.failures, self.not_before, self.failure) = (0, None, None);
    }

    /// Why keyward could set nothing, as a sentence.
    pub(super) fn hindrance(&self, proxy: &Haproxy) -> Option<String> {
        match self.seen.as_ref()? {
            Err(why) => Some(why.clone()),
            Ok(facts) => facts.hindrance(proxy).map(|why| format!("HAProxy at {} {why}", proxy.socket)),
        }
    }
}
