//! Operators' commands and the upkeep of replicas.

use keyward::judge::RegionMemory;
use keyward::model::command::{Command, Reply};
use keyward::model::observation::ActingLock;
use keyward::model::upkeep::UpkeepStep;
use keyward::model::{Address, Gate, Now, Phase};

use super::super::servers::Master;
use super::super::time::{Ms, ms};
use super::Reference;
use super::gates::Doubt;

impl Reference {
    /// A command was answered; the memory `before` it and `after` it.
    pub fn commanded(
        &mut self,
        t: Ms,
        now: Now,
        master: &Master,
        (command, reply): (&Command, &Reply),
        (before, after): (&RegionMemory, &RegionMemory),
    ) {
        self.overdue = None;
        let code = command.code();
        self.promise("every answer says something", !reply.message.is_empty(), || code.to_owned());
        self.promise("a refused command changes nothing", reply.ok || before == after, || code.to_owned());
        let moved = before.phase != after.phase;
        match command {
            Command::Failover { force, .. } => self.failover_ordered(now, master, *force, (reply.ok, moved), before),
            Command::Failback { force, .. } => self.failback_ordered(t, now, master, (*force, moved), before),
            Command::Pause { .. } => self.promise("a pause pauses", after.pause.is_some() && !moved, || code.into()),
            Command::Resume { .. } => self.promise("resume ends it", after.pause.is_none() && !moved, || code.into()),
            Command::Release { .. } => {
                self.promise("a release is remembered", !after.released.is_empty() && !moved, || code.into());
            }
            Command::Adopt { replica, .. } => {
                let taken = match replica {
                    Some(name) => !after.released.contains_key(name),
                    None => after.released.is_empty(),
                };
                self.promise("adopt takes back", taken && after.lost.is_none() && !moved, || code.into());
                if before.lost.is_some() {
                    self.beats.pardons = true;
                }
            }
            _ => {}
        }
        if let Some(episode) = after.episode.as_ref() {
            (self.ordered, self.forced, self.by_hand) = (episode.ordered, episode.forced, episode.manual);
        }
        self.memory.pause.clone_from(&after.pause);
        self.memory.released.clone_from(&after.released);
        self.memory.lost.clone_from(&after.lost);
    }

    fn failover_ordered(
        &mut self,
        now: Now,
        master: &Master,
        force: bool,
        (done, moved): (bool, bool),
        before: &RegionMemory,
    ) {
        let firm = [Gate::ReplicaWritable, Gate::WrongServer, Gate::NotDedicated];
        let passes = |gate: &Gate| if force { !firm.contains(gate) } else { *gate == Gate::ModeManual };
        let closed = self.closed_but(master, now, Doubt::Open, before, passes);
        self.promise("an ordered failover stops at gates", !moved || closed.is_empty(), || format!("{closed:?}"));
        let open = self.closed_but(master, now, Doubt::Closed, before, passes).is_empty();
        let refused = !done && !matches!(before.phase, Phase::Switching | Phase::Local);
        self.promise("an ordered failover is obeyed", !(refused && open), || "every gate is open".to_owned());
        if moved {
            self.rests_since = None;
        }
    }

    fn failback_ordered(
        &mut self,
        t: Ms,
        now: Now,
        master: &Master,
        (force, moved): (bool, bool),
        before: &RegionMemory,
    ) {
        let inside = matches!(before.phase, Phase::Switching | Phase::Local);
        self.promise("failback --force is obeyed", !force || !inside || moved, || before.phase.to_string());
        if moved && !force {
            let awake = before.pause.is_none() && self.rules.mode.code() != "off";
            self.promise("failback waits while frozen", awake, || before.phase.to_string());
            let well = self.is_well_now(t);
            self.promise("failback without force needs health", well, || before.phase.to_string());
            self.check_lag(t, now, master);
        }
        if moved {
            self.rests_since = Some(t);
        }
    }

    /// Whether a server carries the stamp of set-up.
    pub fn stamped(&mut self, number: usize, stamped: bool) {
        self.replicas[number].stamped = stamped;
    }

    /// A link is to be moved: only away from an address that is gone, and to one that holds all that the replica holds.
    fn check_succession(&mut self, t: Ms, number: usize, to: &Address) {
        let place = |host: &str| self.rules.master_addresses.iter().position(|address| address.host == host);
        let Some(facts) = &self.replicas[number].facts else { return };
        let Some(link) = &facts.link else { return };
        let gone = place(&link.host).and_then(|own| self.seats[own].gone_since);
        let patience = ms(self.rules.link_patience());
        let left = gone.is_some_and(|since| t.saturating_sub(since) >= patience);
        let heir = place(&to.host).map(|to| &self.seats[to]).filter(|seat| seat.answers);
        let number = |position: &str| position.rsplit('-').next().and_then(|last| last.parse::<u64>().ok());
        let holds = heir.and_then(|seat| seat.facts.as_ref()).is_some_and(|seen| {
            let has = |instance: &str| seen.beats.iter().find(|row| row.instance == instance).map(|row| row.number);
            let arrived =
                !facts.beats.is_empty() && facts.beats.iter().all(|row| has(&row.instance) >= Some(row.number));
            arrived && number(&seen.position) >= number(&facts.applied).max(number(&link.io_gtid))
        });
        let words = || format!("to {to}");
        self.promise("a link only leaves an address that is gone", left, words);
        self.promise("a link only moves to a server that holds all that the replica holds", holds, words);
    }

    /// An upkeep begins on a replica.
    pub fn keeps(&mut self, t: Ms, number: usize, steps: &[UpkeepStep], memory: &RegionMemory) {
        let facts = self.replicas[number].facts.as_ref();
        let ours = facts.is_some_and(|facts| facts.acting_lock == ActingLock::Ours);
        self.promise("nothing is written without the lock", ours, || format!("{steps:?}"));
        let guards = self.guards(number, memory);
        self.promise("nothing is written past a guard", guards.is_empty(), || format!("{guards:?}: {steps:?}"));
        for step in steps {
            if let UpkeepStep::MoveLink(to) = step {
                self.check_succession(t, number, to);
            }
        }
        let starts = memory.lost.is_some() && steps.contains(&UpkeepStep::StartThreads);
        self.promise("a master that lost data is not followed", !starts, || format!("{steps:?}"));
    }
}
