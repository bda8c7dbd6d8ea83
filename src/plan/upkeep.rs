//! What a replica's server needs to be as it should: read-only, filtered, and following the master.
//!
//! A thread that a human stopped stays stopped; one that a fault stopped is started again; events are never skipped.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::observation::{LinkFacts, ReplicaFacts, ThreadState};
use crate::model::upkeep::UpkeepStep;
use crate::model::{Address, Now};

/// What the replica should be like, and what is remembered of it.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The filter it must have.
    pub filter: &'a str,
    /// `slave_net_timeout`, in seconds.
    pub net_timeout_seconds: u64,
    /// The master lost transactions: nothing may be replicated until an operator accepts it.
    pub link_is_held: bool,
    /// Keyward itself stopped the threads.
    pub owes_start: bool,
    /// The link shows no progress although the master answers.
    pub link_is_silent: bool,
    /// When both threads were last seen running.
    pub running_at: Option<Timestamp>,
    /// The master's address that the link must lead to, when its own is gone for good.
    pub successor: Option<Address>,
}

/// The steps that are missing, in the order in which they are safe.
pub fn steps(facts: &ReplicaFacts, wanted: &Wanted<'_>, now: Now) -> Vec<UpkeepStep> {
    let mut steps = Vec::new();
    let writable = !facts.read_only || facts.super_read_only == Some(false);
    let read_only = writable.then_some(UpkeepStep::SetReadOnly);
    let Some(link) = &facts.link else { return read_only.into_iter().collect() };
    if wanted.link_is_held {
        steps.extend(read_only);
        steps.extend(is_running(link).then_some(UpkeepStep::StopThreads));
        return steps;
    }
    let unfiltered = facts.filter != wanted.filter;
    if unfiltered {
        // nothing more is applied until filter and read-only stand
        steps.extend((link.sql != ThreadState::Stopped).then_some(UpkeepStep::HoldSqlThread));
        steps.push(UpkeepStep::SetFilter(wanted.filter.to_owned()));
    }
    steps.extend(read_only);
    if facts.net_timeout_seconds != wanted.net_timeout_seconds {
        steps.push(UpkeepStep::SetNetTimeout(wanted.net_timeout_seconds));
    }
    if let Some(address) = &wanted.successor {
        steps.push(UpkeepStep::MoveLink(address.clone()));
        return steps;
    }
    let was_running = link.io != ThreadState::Stopped && link.sql != ThreadState::Stopped;
    if (unfiltered && was_running) || may_start(facts, link, wanted, now) {
        steps.push(UpkeepStep::StartThreads);
    } else if wanted.link_is_silent && is_half_open(link) {
        steps.push(UpkeepStep::RestartIoThread);
    }
    steps
}

/// Whether the steps stop the threads on the way, so that their start is owed until it has been done.
pub fn stops_threads(steps: &[UpkeepStep]) -> bool {
    use UpkeepStep::{HoldSqlThread, MoveLink, RestartIoThread, SetFilter, StopThreads};
    steps.iter().any(|step| matches!(step, HoldSqlThread | SetFilter(_) | StopThreads | MoveLink(_) | RestartIoThread))
}

/// Whether a fault is what the steps answer, so that pauses between tries must grow.
pub fn answers_a_fault(facts: &ReplicaFacts, steps: &[UpkeepStep]) -> bool {
    let has_error = facts.link.as_ref().is_some_and(|link| link.io_errno != 0 || link.sql_errno != 0);
    has_error || steps.contains(&UpkeepStep::RestartIoThread)
}

/// Whether the I/O thread believes in its connection. One that is connecting needs no help, and where the SQL thread
/// is stopped somebody is at work.
fn is_half_open(link: &LinkFacts) -> bool {
    link.io == ThreadState::Running && link.sql == ThreadState::Running
}

fn is_running(link: &LinkFacts) -> bool {
    link.io != ThreadState::Stopped || link.sql != ThreadState::Stopped
}

fn may_start(facts: &ReplicaFacts, link: &LinkFacts, wanted: &Wanted<'_>, now: Now) -> bool {
    let stopped = |state, errno: u32| (state == ThreadState::Stopped).then_some(errno);
    let errnos = [stopped(link.io, link.io_errno), stopped(link.sql, link.sql_errno)];
    if errnos.iter().flatten().count() == 0 {
        return false;
    }
    let by_fault = errnos.iter().flatten().any(|errno| *errno != 0);
    by_fault || wanted.owes_start || restarted_since(wanted.running_at, facts.uptime_seconds, now)
}

/// Whether the server started after its threads were last seen running. What nobody saw running stays as it is.
fn restarted_since(running_at: Option<Timestamp>, uptime_seconds: u64, now: Now) -> bool {
    // the server cuts its uptime to whole seconds: within the last one a human's hand is more likely than a restart
    running_at.is_some_and(|at| now.age_of(at) > Duration::from_secs(uptime_seconds + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;

    const FILTER: &str = "keystone.%,keyward.%";

    fn now() -> Now {
        Now { mono: Moment::default(), wall: Timestamp::from_second(10_000).unwrap() }
    }

    fn wanted() -> Wanted<'static> {
        let running_at = Some(Timestamp::from_second(9_990).unwrap());
        Wanted {
            filter: FILTER,
            net_timeout_seconds: 4,
            link_is_held: false,
            owes_start: false,
            link_is_silent: false,
            running_at,
            successor: None,
        }
    }

    fn healthy() -> ReplicaFacts {
        let link = LinkFacts { io: ThreadState::Running, sql: ThreadState::Running, ..LinkFacts::default() };
        ReplicaFacts {
            read_only: true,
            filter: FILTER.into(),
            net_timeout_seconds: 4,
            uptime_seconds: 5_000,
            link: Some(link),
            ..ReplicaFacts::default()
        }
    }

    fn changed(change: impl FnOnce(&mut ReplicaFacts, &mut LinkFacts)) -> Vec<UpkeepStep> {
        let mut facts = healthy();
        let mut link = facts.link.take().unwrap();
        change(&mut facts, &mut link);
        facts.link = Some(link);
        steps(&facts, &wanted(), now())
    }

    fn stop(link: &mut LinkFacts) {
        link.io = ThreadState::Stopped;
        link.sql = ThreadState::Stopped;
    }

    #[test]
    fn a_healthy_replica_needs_nothing() {
        assert_eq!(steps(&healthy(), &wanted(), now()), []);
    }

    #[test]
    fn a_writable_replica_is_made_read_only_and_goes_on_following() {
        assert_eq!(changed(|facts, _| facts.read_only = false), [UpkeepStep::SetReadOnly]);
    }

    #[test]
    fn privileged_accounts_are_kept_out_where_that_can_be() {
        assert_eq!(changed(|facts, _| facts.super_read_only = Some(true)), []);
        assert_eq!(changed(|facts, _| facts.super_read_only = Some(false)), [UpkeepStep::SetReadOnly]);
    }

    #[test]
    fn an_unfiltered_replica_applies_nothing_until_filter_and_read_only_stand() {
        let steps = changed(|facts, _| {
            facts.read_only = false;
            facts.filter.clear();
        });
        let filter = UpkeepStep::SetFilter(FILTER.into());
        assert_eq!(steps, [UpkeepStep::HoldSqlThread, filter, UpkeepStep::SetReadOnly, UpkeepStep::StartThreads]);
    }

    #[test]
    fn threads_stopped_by_hand_stay_stopped() {
        assert_eq!(changed(|_, link| stop(link)), []);
    }

    #[test]
    fn threads_stopped_by_hand_soon_after_the_server_started_stay_stopped() {
        // seen running ten seconds ago, just after the start: nine whole seconds of uptime
        let steps = changed(|facts, link| {
            stop(link);
            facts.uptime_seconds = 9;
        });
        assert_eq!(steps, []);
    }

    #[test]
    fn threads_stopped_by_a_restart_of_the_server_are_started() {
        let steps = changed(|facts, link| {
            stop(link);
            facts.uptime_seconds = 3;
        });
        assert_eq!(steps, [UpkeepStep::StartThreads]);
    }

    #[test]
    fn threads_stopped_by_a_fault_are_started() {
        let steps = changed(|_, link| {
            link.sql = ThreadState::Stopped;
            link.sql_errno = 1205;
        });
        assert_eq!(steps, [UpkeepStep::StartThreads]);
    }

    #[test]
    fn a_link_whose_address_is_gone_moves_and_that_starts_it() {
        let address: Address = "10.0.0.9:3306".parse().unwrap();
        let wanted = Wanted { successor: Some(address.clone()), ..wanted() };
        let mut facts = healthy();
        facts.read_only = false;
        let steps = steps(&facts, &wanted, now());
        assert_eq!(steps, [UpkeepStep::SetReadOnly, UpkeepStep::MoveLink(address)]);
        assert!(stops_threads(&steps));
    }

    #[test]
    fn a_connection_that_only_the_replica_believes_in_is_made_anew() {
        let wanted = Wanted { link_is_silent: true, ..wanted() };
        let restart = [UpkeepStep::RestartIoThread];
        assert_eq!(steps(&healthy(), &wanted, now()), restart);
        assert!(stops_threads(&restart) && answers_a_fault(&healthy(), &restart));
        // one that tries already, one that an error stopped and one that a human stopped
        let mut other = healthy();
        other.link.as_mut().unwrap().io = ThreadState::Connecting;
        assert_eq!(steps(&other, &wanted, now()), []);
        other.link.as_mut().unwrap().io = ThreadState::Stopped;
        other.link.as_mut().unwrap().io_errno = 2003;
        assert_eq!(steps(&other, &wanted, now()), [UpkeepStep::StartThreads]);
        stop(other.link.as_mut().unwrap());
        other.link.as_mut().unwrap().io_errno = 0;
        assert_eq!(steps(&other, &wanted, now()), []);
        let mut held = healthy();
        held.link.as_mut().unwrap().sql = ThreadState::Stopped;
        assert_eq!(steps(&held, &wanted, now()), [], "the SQL thread was stopped by hand");
    }

    #[test]
    fn a_link_that_is_held_is_stopped_and_not_started() {
        let wanted = Wanted { link_is_held: true, owes_start: true, ..wanted() };
        assert_eq!(steps(&healthy(), &wanted, now()), [UpkeepStep::StopThreads]);
        let mut stopped = healthy();
        stop(stopped.link.as_mut().unwrap());
        assert_eq!(steps(&stopped, &wanted, now()), []);
    }
}
