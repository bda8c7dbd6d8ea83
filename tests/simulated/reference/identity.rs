//! The Keystones, and what follows from the trigger: which sides are down, and what the region's own must be able to do.

use keyward::judge::RegionMemory;
use keyward::model::Gate;
use keyward::model::identity::IdentityLook;
use keyward::model::phase::{LocalIdentity, Trigger};

use super::super::time::{Ms, moment, ms};
use super::Reference;
use super::gates::Doubt;
use super::silence::Silence;

/// RegionOne's Keystone and the region's own, as the daemon has seen them in this life.
#[derive(Clone, Debug, Default)]
pub struct Keystones {
    answers: bool,
    answered: Option<Ms>,
    /// What the last two looks at the region's own one showed: tokens are valid, and somebody can log in.
    own: [Option<(bool, bool)>; 2],
}

/// A side that the trigger names, and how long two looks at it take.
pub struct Named<'a> {
    pub silence: &'a Silence,
    pub addresses: usize,
    pub looks: Ms,
    identity: bool,
}

impl Reference {
    /// The sides that the trigger names.
    pub fn named(&self) -> Vec<Named<'_>> {
        let (poll, addresses) = (ms(self.rules.poll_interval), self.rules.master_addresses.len());
        let db = Named { silence: &self.silence, addresses, looks: 2 * poll, identity: false };
        let looks = self.rules.identity.as_ref().map_or(0, |keystone| 2 * ms(keystone.interval));
        let identity = Named { silence: &self.identity, addresses: 1, looks, identity: true };
        match self.rules.trigger {
            Trigger::Master => vec![db],
            Trigger::Identity => vec![identity],
            Trigger::Either | Trigger::Both => vec![db, identity],
        }
    }

    /// Whether what is `down` of the sides is what the trigger asks for.
    pub fn asked_for(&self, down: impl Fn(&Named<'_>) -> bool) -> bool {
        let named = self.named();
        if self.rules.trigger == Trigger::Either { named.iter().any(down) } else { named.iter().all(down) }
    }

    /// As above, without a doubt: a Keystone that was never seen at work counts for nothing.
    pub fn surely_down(&self, t: Ms, memory: &RegionMemory) -> bool {
        let patience = ms(self.rules.unreachable_after);
        self.asked_for(|named| {
            let seen = !named.identity || self.identity_seen(Doubt::Closed, memory);
            let silent = named.silence.surely_silent(t) >= patience;
            seen && silent && named.silence.sure_evidence(named.addresses) >= 2
        })
    }

    /// A look at RegionOne's Keystone has ended; whether the judge has heard of it or not, a login proves it.
    pub fn identity_looked(&mut self, t: Ms, logged_in: bool) {
        if logged_in {
            self.identity.prove(t);
            self.identity_ever_seen = true;
            self.end_rest();
        }
    }

    /// A rest after a failback by hand ends when nothing that was down before it can lead to a failover.
    pub fn end_rest(&mut self) {
        let Some(since) = self.rests_since else { return };
        let newer = |named: &Named<'_>| named.silence.proof().is_some_and(|at| at > since);
        let named = self.named();
        let both = self.rules.trigger == Trigger::Both;
        if if both { named.iter().any(newer) } else { named.iter().all(newer) } {
            self.rests_since = None;
        }
    }

    /// A look at RegionOne's Keystone reaches the judge.
    pub fn handles_identity(&mut self, t: Ms, began: Ms, look: &IdentityLook) {
        let ended = ms(look.ended.since(moment(0)));
        let failed = look.proof().err().map(|failure| failure.reason);
        let stale = !self.identity.note(0, (began, ended), failed);
        match failed {
            None => (self.keystones.answers, self.keystones.answered) = (true, Some(t)),
            Some(_) if stale => {}
            Some(_) => (self.keystones.answers, self.sick_at) = (false, t),
        }
    }

    /// A look at the region's own Keystone reaches the judge.
    pub fn handles_local_identity(&mut self, look: &IdentityLook) {
        let well = |part: &Option<Result<(), _>>| part.as_ref().is_some_and(Result::is_ok);
        let seen = (well(&look.login) || well(&look.foreign), well(&look.login));
        self.keystones.own = [self.keystones.own[1], Some(seen)];
    }

    /// Whether RegionOne's Keystone, where somebody looks at it, has let somebody log in of late.
    pub fn keystone_is_well(&self, t: Ms) -> bool {
        let Some(keystone) = &self.rules.identity else { return true };
        let patience = 2 * ms(keystone.interval) + ms(keystone.timeout);
        self.keystones.answers && self.keystones.answered.is_some_and(|at| t - at <= patience)
    }

    /// The gates that Keystones close.
    pub fn identity_gates(&self, doubt: Doubt, memory: &RegionMemory) -> Vec<Gate> {
        let mut closed = Vec::new();
        let asked = matches!(self.rules.trigger, Trigger::Identity | Trigger::Both);
        if asked && !self.identity_seen(doubt, memory) {
            closed.push(Gate::NeverSeen);
        }
        let wanted: fn(&(bool, bool)) -> bool = match self.rules.require_local_identity {
            LocalIdentity::Off => return closed,
            LocalIdentity::Validates => |seen| seen.0,
            LocalIdentity::FirstLogin => |seen| seen.1,
        };
        if self.rules.local_identity.is_some() && !self.keystones.own.iter().flatten().any(wanted) {
            closed.push(Gate::LocalIdentityDown);
        }
        closed
    }

    fn identity_seen(&self, doubt: Doubt, memory: &RegionMemory) -> bool {
        match doubt {
            Doubt::Open => self.identity_ever_seen || self.identity.proof().is_some(),
            // what the judge has not heard of yet, it cannot know
            Doubt::Closed => memory.identity_proof.is_some() || self.keystones.answered.is_some(),
        }
    }
}
