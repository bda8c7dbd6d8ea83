//! The Keystones that a stage is told of, where its rules know them.

use std::time::Duration;

use keyward::judge::{Keystone, Rules};
use keyward::model::identity::IdentityLook;
use keyward::model::{Now, Reason};

use crate::stage::{Stage, failure, region};

/// How often they are looked at, in seconds.
pub const INTERVAL: u64 = 2;

/// What they answer.
#[derive(Clone, Copy, Debug)]
pub struct Keystones {
    /// RegionOne's, to a login.
    pub master: Result<(), Reason>,
    /// The region's own, to discovery.
    pub discovery: Result<(), Reason>,
    /// The region's own, to a login; nothing while nobody logs in.
    pub login: Option<Result<(), Reason>>,
    /// The region's own, about a token of RegionOne's; nothing while there is none.
    pub foreign: Option<Result<(), Reason>>,
}

impl Default for Keystones {
    fn default() -> Self {
        Self { master: Ok(()), discovery: Ok(()), login: Some(Ok(())), foreign: Some(Ok(())) }
    }
}

/// The same rules with both Keystones known.
pub fn known(rules: Rules) -> Rules {
    let keystone = |url: &str| Keystone {
        url: url.to_owned(),
        interval: Duration::from_secs(INTERVAL),
        timeout: Duration::from_secs(1),
        logs_in: true,
    };
    Rules {
        identity: Some(keystone("http://10.0.0.1:5000")),
        local_identity: Some(keystone("http://10.0.0.2:5000")),
        ..rules
    }
}

impl Stage {
    pub fn look_at_keystones(&mut self, now: Now) {
        if !self.seconds.is_multiple_of(INTERVAL) {
            return;
        }
        let rules = self.judge.regions()[0].rules();
        let (master, own) = (rules.identity.is_some(), rules.local_identity.is_some());
        let look = |discovery: Result<(), Reason>, login: Option<Result<(), Reason>>, foreign| IdentityLook {
            began: now.mono,
            ended: now.mono,
            discovery: discovery.map_err(failure),
            login: login.map(|login| login.map_err(failure)),
            password: None,
            foreign,
        };
        let seen = self.keystones;
        if master {
            self.judge.handle_identity(now, &look(Ok(()), Some(seen.master), None));
        }
        if own {
            let foreign = seen.foreign.map(|foreign| foreign.map_err(failure));
            self.judge.handle_local_identity(now, &region(), &look(seen.discovery, seen.login, foreign));
        }
    }
}
