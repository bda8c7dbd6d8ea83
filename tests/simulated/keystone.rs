//! The Keystones of both regions: what a look at one ends in, and the task that looks, as `observe::keystone` does.

use std::time::Duration;

use keyward::judge::{Keystone, Rules};
use keyward::model::identity::IdentityLook;
use keyward::model::{Now, Reason};

use super::daemon::Input;
use super::fault::Kind;
use super::looker::failure;
use super::time::{Ms, moment, ms};
use super::world::World;

/// What a Keystone answers to discovery, to a login, and about a token of the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answers {
    /// To `GET /v3`.
    pub discovery: Result<(), Reason>,
    /// To a login.
    pub login: Result<(), Reason>,
    /// About a token of RegionOne's; RegionOne's own is not asked.
    pub foreign: Option<Result<(), Reason>>,
}

impl Answers {
    /// The same to everything.
    pub fn all(answer: Result<(), Reason>, local: bool) -> Self {
        Self { discovery: answer, login: answer, foreign: local.then_some(answer) }
    }

    /// Whether some of it takes as long as a look may.
    fn hang(self) -> bool {
        [Some(self.discovery), Some(self.login), self.foreign].contains(&Some(Err(Reason::TimedOut)))
    }

    /// A look that showed this.
    pub fn look(self, now: Now, took: Duration) -> IdentityLook {
        let part = |answer: Result<(), Reason>| answer.map_err(failure);
        IdentityLook {
            began: now.mono.back(took),
            ended: now.mono,
            discovery: part(self.discovery),
            login: Some(part(self.login)),
            password: None,
            foreign: self.foreign.map(part),
        }
    }
}

/// A Keystone that somebody logs in at, for the judge's rules.
pub fn known(url: &str, interval: Duration, timeout: Duration) -> Keystone {
    Keystone { url: url.to_owned(), interval, timeout, logs_in: true }
}

/// The task that looks at one Keystone.
#[derive(Debug)]
pub struct Prober {
    interval: Ms,
    limit: Ms,
    due: Ms,
    /// When the look under way began, and when it ends.
    pending: Option<(Ms, Ms)>,
}

impl Prober {
    /// Those of the settings, RegionOne's first.
    pub fn of(rules: &Rules, t: Ms) -> [Option<Self>; 2] {
        [&rules.identity, &rules.local_identity].map(|keystone| {
            let keystone = keystone.as_ref()?;
            Some(Self { interval: ms(keystone.interval), limit: ms(keystone.timeout), due: t, pending: None })
        })
    }

    /// When it next does something.
    pub fn next(&self) -> Ms {
        self.pending.map_or(self.due, |(_, ends)| ends)
    }
}

impl World {
    /// What RegionOne's Keystone answers: it stands on the databases there.
    fn keystone(&self) -> Answers {
        let places = 0..self.setup.addresses();
        let dead = |place| self.is_on_at(Kind::MasterCrash, place);
        let gone = |place| dead(place) || self.is_on_at(Kind::MasterFreeze, place);
        let answer = if self.is_on(Kind::PartitionBoth) || self.is_on(Kind::IdentityHangs) {
            Err(Reason::TimedOut)
        } else if self.is_on(Kind::IdentityDown) {
            Err(Reason::ServerError)
        } else if self.is_on(Kind::IdentityRefuses) {
            Err(Reason::Login)
        } else if places.clone().all(dead) {
            Err(Reason::ServerError)
        } else if places.clone().all(gone) {
            Err(Reason::TimedOut)
        } else {
            Ok(())
        };
        Answers { discovery: Ok(()), login: answer, foreign: None }
    }

    /// What the region's own Keystone answers.
    fn own_keystone(&self) -> Answers {
        let well = Answers::all(Ok(()), true);
        match self.is_on(Kind::LocalIdentityDown).then(|| self.args[Kind::LocalIdentityDown as usize] % 4) {
            None => well,
            // its replica is read-only
            Some(3) => Answers { login: Err(Reason::ServerError), ..well },
            Some(2) => Answers::all(Err(Reason::TimedOut), true),
            Some(_) => Answers::all(Err(Reason::Refused), true),
        }
    }

    /// Lets the tasks look that are due.
    pub fn identity_looks(&mut self) {
        for site in 0..2 {
            let answers = if site == 0 { self.keystone() } else { self.own_keystone() };
            let (t, latency, now) = (self.t, self.setup.latency, self.now());
            let Some(daemon) = &mut self.daemon else { return };
            let Some(prober) = daemon.probers[site].as_mut().filter(|prober| prober.next() <= t) else { continue };
            let Some((began, _)) = prober.pending.take() else {
                let takes = if answers.hang() { prober.limit } else { latency };
                prober.pending = Some((t, t + takes));
                continue;
            };
            if answers.hang() && t < began + prober.limit {
                prober.pending = Some((began, began + prober.limit));
                continue;
            }
            prober.due = (prober.due + prober.interval).max(t);
            let look = IdentityLook { began: moment(began), ..answers.look(now, Duration::ZERO) };
            if site == 0 {
                self.reference.identity_looked(t, look.proof().is_ok());
                daemon.queue.push_back(Input::Identity(Box::new(look), began));
            } else {
                daemon.queue.push_back(Input::LocalIdentity(Box::new(look)));
            }
        }
    }
}
