//! What is known of the region's own Keystone: whether a failover to it would be of use.

use super::Judge;
use super::region::Region;
use crate::model::identity::{IdentityLook, Obstacle};
use crate::model::observation::Look;
use crate::model::phase::LocalIdentity;
use crate::model::view::{ExpiryView, KeystoneView, ObstacleView};
use crate::model::{Failure, Gate, Now, RegionName};

/// The region's own Keystone.
#[derive(Clone, Debug, Default)]
pub struct LocalKeystone {
    look: Option<IdentityLook>,
    password: Option<ExpiryView>,
    validates: Opinion,
    logs_in: Opinion,
    free: Opinion,
}

/// What looks agree on. The first counts at once; later ones speak against what was good when two in a row do.
#[derive(Clone, Copy, Debug, Default)]
struct Opinion {
    good: bool,
    doubted: bool,
}

impl Opinion {
    fn note(&mut self, good: bool) {
        let doubted = !good && self.good;
        self.good = good || (self.good && !self.doubted);
        self.doubted = doubted;
    }
}

impl LocalKeystone {
    fn note(&mut self, look: &IdentityLook) {
        self.free.note(Obstacle::of(look).is_none());
        if let Some(validates) = look.validates() {
            self.validates.note(validates);
        }
        if let Some(login) = &look.login {
            self.logs_in.note(login.is_ok());
        }
        self.password = look.password.or(self.password);
        self.look = Some(look.clone());
    }

    /// What stands in the way of a login by somebody who has not logged in today.
    fn obstacle(&self) -> Option<(Obstacle, Failure)> {
        self.look.as_ref().filter(|_| !self.free.good).and_then(Obstacle::of)
    }
}

impl Judge {
    /// Takes in one look at RegionOne's Keystone.
    pub fn handle_identity(&mut self, now: Now, look: &IdentityLook) {
        self.mark_gap(now);
        for region in &mut self.regions {
            region.handle_identity(look);
        }
    }

    /// Takes in one look at a region's own Keystone.
    pub fn handle_local_identity(&mut self, now: Now, region: &RegionName, look: &IdentityLook) {
        self.mark_gap(now);
        if let Some(region) = self.find(region) {
            region.handle_local_identity(now, look);
        }
    }
}

impl Region {
    fn handle_identity(&mut self, look: &IdentityLook) {
        let (began, ended) = (look.began, look.ended);
        self.identity.handle_probe(0, &Look { began, ended, connection: 0, result: look.proof() });
        self.identity_password = look.password.or(self.identity_password);
        self.identity_look = Some(look.clone());
    }

    fn handle_local_identity(&mut self, now: Now, look: &IdentityLook) {
        self.local.note(look);
        let known = |at| now.age_of(at) < std::time::Duration::from_secs(60);
        if look.validates() == Some(true) && !self.memory.validated_at.is_some_and(known) {
            self.memory.validated_at = Some(now.wall);
        }
    }

    fn local_name(&self) -> String {
        let url = self.rules.local_identity.as_ref().map(|keystone| keystone.url.as_str()).unwrap_or_default();
        format!("{}'s own Keystone at {url}", self.name())
    }

    /// Why the region's own Keystone may not take over, by what the settings ask of it.
    pub(super) fn local_identity_gate(&self, now: Now) -> Option<(Gate, String)> {
        let required = self.rules.require_local_identity;
        if self.rules.local_identity.is_none() || required == LocalIdentity::Off {
            return None;
        }
        let name = self.local_name();
        let closed = |why: String| Some((Gate::LocalIdentityDown, why));
        let Some(look) = &self.local.look else { return closed(format!("{name} was not looked at yet")) };
        // nobody logs in anywhere: its mere answer is all that can be asked for
        let tokenless =
            [&self.rules.identity, &self.rules.local_identity].into_iter().flatten().all(|one| !one.logs_in);
        // in an outage there may be no token left to ask about, or none yet after a restart: then its last answer counts
        let blind = required == LocalIdentity::Validates && look.validates().is_none();
        let remembered = || self.memory.validated_at.is_some_and(|at| now.age_of(at) <= self.rules.max_data_age);
        let (passes, wanted) = match required {
            LocalIdentity::FirstLogin => (self.local.logs_in.good, "a login"),
            _ if tokenless => (self.local.free.good, "an answer"),
            _ if blind => (self.local.free.good && remembered(), "the validation of a token"),
            _ => (self.local.validates.good, "the validation of a token"),
        };
        if passes {
            return None;
        }
        closed(match Obstacle::of(look) {
            Some(found) => self.obstacle_sentence(&found),
            None if blind && !tokenless => format!("there is no token that {name} could be asked about"),
            None => format!("{name} has not shown {wanted} twice in a row"),
        })
    }

    fn obstacle_sentence(&self, (obstacle, failure): &(Obstacle, Failure)) -> String {
        let (name, home) = (self.local_name(), &self.rules.master_region);
        match obstacle {
            Obstacle::Down => format!("{name} does not work: {failure}"),
            Obstacle::TooSlow => format!("{name} is too slow: {failure}"),
            Obstacle::ReadOnly => format!(
                "{name} knows tokens, and a login breaks there ({failure}): it writes, which a read-only replica refuses \
                 (error 1290), or the password of [identity.local] is wrong; the README has the ways out"
            ),
            Obstacle::KeysDiffer => {
                format!("{name} does not take a token of {home}'s ({failure}); give both sides the same Fernet keys")
            }
            Obstacle::Refused => format!("{name} lives and refuses keyward: {failure}"),
        }
    }

    /// Why somebody who has not logged in today could not log in at the region's own Keystone now.
    pub(super) fn login_obstacle(&self) -> Option<String> {
        self.local.obstacle().map(|found| self.obstacle_sentence(&found))
    }

    /// RegionOne's Keystone; absent when nobody looks at it.
    pub(super) fn identity_view(&self, now: Now) -> Option<KeystoneView> {
        let keystone = self.rules.identity.as_ref()?;
        let silence = self.identity_silence_seconds(now);
        let seen = self.identity_look.as_ref();
        let failure = self.identity.failure().map(ToString::to_string);
        // a login proves both
        let validates = None;
        let seen = keystone_view(&keystone.url, seen, self.identity_password);
        Some(KeystoneView { silence_seconds: silence, failure, validates, ..seen })
    }

    /// The region's own Keystone; absent when nobody looks at it.
    pub(super) fn local_identity_view(&self) -> Option<KeystoneView> {
        let keystone = self.rules.local_identity.as_ref()?;
        let found = self.local.obstacle();
        let obstacle = found
            .map(|found| ObstacleView { code: found.0.code().to_owned(), sentence: self.obstacle_sentence(&found) });
        Some(KeystoneView { obstacle, ..keystone_view(&keystone.url, self.local.look.as_ref(), self.local.password) })
    }
}

fn keystone_view(url: &str, look: Option<&IdentityLook>, password: Option<ExpiryView>) -> KeystoneView {
    KeystoneView {
        url: url.to_owned(),
        up: look.map(|look| look.discovery.is_ok()),
        login_up: look.and_then(|look| look.login.as_ref()).map(Result::is_ok),
        validates: look.and_then(IdentityLook::validates),
        failure: look.and_then(|look| look.proof().err()).map(|failure| failure.to_string()),
        password,
        ..KeystoneView::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_look_after_a_good_one_is_a_doubt_and_two_are_an_opinion() {
        let mut opinion = Opinion::default();
        let mut noted = |good| {
            opinion.note(good);
            opinion.good
        };
        assert_eq!(
            [false, true, false, true, false, false, false, true].map(&mut noted),
            [false, true, true, true, true, false, false, true]
        );
    }
}
