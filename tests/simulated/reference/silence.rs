//! Silence and evidence, counted from what truly happened: which looks were answered, and when nobody watched.

use keyward::model::Reason;
use keyward::model::observation::{Look, MasterFacts, ReplicaFacts, ThreadState};

use super::super::servers::Truth;
use super::super::time::{Ms, moment, ms};
use super::Reference;

/// What speaks for an outage, in one life of the daemon.
#[derive(Clone, Debug, Default)]
pub struct Silence {
    /// When the first look of this life began.
    began: Option<Ms>,
    proof: Option<Ms>,
    refusal: Option<Ms>,
    /// When the looks at each address began that ended as evidence.
    evidence: [Vec<Ms>; 3],
    /// When nobody watched.
    unwatched: Vec<(Ms, Ms)>,
    active: Option<Ms>,
}

impl Silence {
    /// The last proof of life in this life of the daemon.
    pub fn proof(&self) -> Option<Ms> {
        self.proof
    }

    fn watched_since(&self, start: Ms, t: Ms) -> Ms {
        let gaps = self.unwatched.iter().map(|(from, to)| to.saturating_sub((*from).max(start)));
        (t - start).saturating_sub(gaps.sum())
    }

    /// Takes in a proof of life.
    pub fn prove(&mut self, t: Ms) {
        self.proof = Some(t);
        self.forget_evidence();
    }

    /// A look that began and ended then reaches the judge, with the reason for which it failed; whether it says
    /// anything: a look from before the end of a gap that failed does not.
    pub fn note(&mut self, place: usize, (began, ended): (Ms, Ms), failed: Option<Reason>) -> bool {
        self.began.get_or_insert(began);
        match failed {
            Some(_) if began < self.last_gap() => return false,
            Some(reason) if reason.is_evidence() => self.evidence[place].push(began),
            Some(_) => {
                // it lived when it refused, not when that was heard
                self.refusal = Some(ended);
                self.forget_evidence();
            }
            None => {}
        }
        true
    }

    /// For how long nothing has proven the master alive while somebody watched.
    pub fn unproven(&self, t: Ms) -> Ms {
        self.began.max(self.proof).map_or(0, |start| self.watched_since(start, t))
    }

    /// As above; a refusal is a sign of life too.
    pub fn silent(&self, t: Ms) -> Ms {
        self.began.max(self.proof).max(self.refusal).map_or(0, |start| self.watched_since(start, t))
    }

    /// The same, counted anew from every gap in the watching.
    pub fn surely_silent(&self, t: Ms) -> Ms {
        let start = self.began.max(self.proof).max(self.refusal).max(Some(self.last_gap()));
        start.filter(|_| self.began.is_some()).map_or(0, |at| t - at)
    }

    /// Looks that ended as evidence and began after the last sign of life, at the address that has the fewest.
    pub fn evidence(&self, addresses: usize) -> usize {
        self.evidence_since(0, addresses)
    }

    /// As above, and after the last gap in the watching.
    pub fn sure_evidence(&self, addresses: usize) -> usize {
        self.evidence_since(self.last_gap(), addresses)
    }

    fn evidence_since(&self, gap: Ms, addresses: usize) -> usize {
        let life = self.proof.max(self.refusal).unwrap_or(0).max(gap);
        let count = |looks: &Vec<Ms>| looks.iter().filter(|began| **began >= life).count();
        self.evidence[..addresses].iter().map(count).min().unwrap_or(0)
    }

    fn forget_evidence(&mut self) {
        self.evidence.iter_mut().for_each(Vec::clear);
    }

    /// When this patience ends, were nothing to happen until then; not told while a gap is in it.
    fn ends(&self, patience: Ms) -> Option<Ms> {
        let start = self.began.max(self.proof).max(self.refusal)?;
        (self.last_gap() <= start).then_some(start + patience)
    }

    fn last_gap(&self) -> Ms {
        self.unwatched.last().map_or(0, |(_, to)| *to)
    }
}

impl Reference {
    /// A look at the master has ended; whether the judge has heard of it or not, an answer proves life.
    pub fn master_looked(&mut self, t: Ms, answered: bool) {
        if answered {
            self.proven(t);
        }
    }

    /// A look at a replica has ended: whether more has truly arrived over its link than at the look before.
    pub fn replica_looked(&mut self, t: Ms, number: usize, connection: u64, truth: Truth, facts: &ReplicaFacts) {
        let before = self.replicas[number].truth.replace((connection, truth));
        let same = before.filter(|(other, before)| {
            *other == connection && before.start == truth.start && before.leads_to == truth.leads_to
        });
        let connected = facts.link.as_ref().is_some_and(|link| link.io == ThreadState::Running);
        if connected && !facts.is_the_master && same.is_some_and(|(_, before)| truth.arrived > before.arrived) {
            self.replicas[number].linked = Some(t);
            self.proven(t);
        }
    }

    fn proven(&mut self, t: Ms) {
        self.silence.prove(t);
        self.ever_seen = true;
        self.end_rest();
    }

    /// Whether some address answered its last look.
    pub(super) fn answers(&self) -> bool {
        self.seats.iter().any(|seat| seat.answers)
    }

    /// The judge is called: whether somebody has watched since it was called last.
    pub fn handles(&mut self, t: Ms) {
        let limit = 2 * ms(self.rules.poll_interval) + ms(self.rules.probe_timeout);
        if let Some(active) = self.silence.active.replace(t)
            && t - active > limit
        {
            for silence in [&mut self.silence, &mut self.identity] {
                if silence.unwatched.len() > 32 {
                    silence.unwatched.remove(0);
                }
                silence.unwatched.push((active, t));
            }
            self.sick_at = t;
            self.overdue = None;
            self.level.unwatched();
        }
    }

    /// The judge is about to decide. When the patience ends it does so at once, unless the loop was `held` up until later
    /// or was in a turn, which takes at most `turn`.
    pub fn wakes(&mut self, t: Ms, held: Ms, turn: Ms) {
        self.handles(t);
        let patience = ms(self.rules.unreachable_after);
        let all: Vec<Ms> = self.named().iter().filter_map(|named| named.silence.ends(patience)).collect();
        let Some(before) = self.stepped.replace(t) else { return };
        for ends in all {
            let at_once = before >= ends || t <= ends.max(held) + turn + 1;
            self.promise("the end of the patience is met at once", at_once, || format!("at {t}, it ended at {ends}"));
        }
    }

    /// A look at one of the master's addresses reaches the judge.
    pub fn handles_master(&mut self, t: Ms, place: usize, began: Ms, look: &Look<MasterFacts>) {
        let ended = ms(look.ended.since(moment(0)));
        let failed = look.result.as_ref().err().map(|failure| failure.reason);
        let stale = !self.silence.note(place, (began, ended), failed);
        let seat = &mut self.seats[place];
        seat.answers = look.result.is_ok() || seat.answers && stale;
        match &look.result {
            Ok(facts) => {
                (self.answered, seat.facts, seat.gone_since) = (Some(t), Some(facts.clone()), None);
            }
            Err(_) if stale => {}
            Err(failure) => {
                if failure.reason.is_evidence() {
                    seat.gone_since.get_or_insert(ended);
                } else {
                    seat.gone_since = None;
                }
                if !self.answers() {
                    self.sick_at = t;
                }
            }
        }
    }
}
