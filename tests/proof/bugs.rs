//! The bugs that the simulation must find.

use super::patches::Bug;

const fn bug(name: &'static str, file: &'static str, original: &'static str, bug: &'static str) -> Bug {
    Bug { name, file, original, bug, mood: None }
}

const WITNESS: &str = "judge/witness.rs";
const PHASES: &str = "judge/phases.rs";
const HOOKS: &str = "judge/hooks.rs";
const REPLICA: &str = "judge/replica.rs";
const REGION: &str = "judge/region.rs";
const GATES: &str = "judge/gates.rs";
const BEATS: &str = "judge/beats.rs";
const LEVELS: &str = "judge/levels.rs";
const SUCCESSION: &str = "judge/succession.rs";
const MASTERS: &str = "judge/masters.rs";
const DAMPER: &str = "judge/damper.rs";
const TRIGGER: &str = "judge/trigger.rs";

const EVIDENCE: &str = "self.probes.iter().all(|probe| probe.evidence >= 2)";
const IDLE: &str = "!hook.done && hook.running.is_none() && !retries.waits(&spec.name, now)";
const WAY_BACK_LINE: &str = "specs.iter().rev().filter(started).collect()";
const BY_ITSELF: &str = "self.rules.failback == Failback::Auto && !self.episode_is_manual()";
const LOST: &str = "has >= must || must <= self.pardoned";

/// A bug that shows in one mood only.
const fn rare(mood: &'static str, bug: Bug) -> Bug {
    Bug { mood: Some(mood), ..bug }
}

/// Worlds in which the daemon is held up all the time.
const HELD_UP: &str = "0";
/// Worlds in which operators are in a hurry.
const HURRIED: &str = "1";
/// Worlds in which the state cannot be written and replicas lag.
const STUCK: &str = "2";

/// Worlds in which the master goes silent while the daemon stops for a little less than counts as a gap.
const HARDLY_A_LOOK: &str = "10";

/// As above, and one of the master's servers refuses at once while another hangs.
const SLOW_TO_FAIL: &str = "12";

/// Worlds in which servers of the master leave the stream that they share.
const APART: &str = "11";

/// Worlds in which RegionOne's Keystone fails while its database lives, and the region's own one.
const LOGGED_OUT: &str = "13";

/// Every bug.
pub const BUGS: [Bug; 63] = [
    rare(
        LOGGED_OUT,
        bug(
            "one side is enough for both",
            TRIGGER,
            "self.db_is_down(now) && self.identity_is_down(now)",
            "self.db_is_down(now) || self.identity_is_down(now)",
        ),
    ),
    rare(
        LOGGED_OUT,
        bug(
            "either means the database",
            TRIGGER,
            "self.db_is_down(now) || (self.identity_is_down(now) && self.identity_was_seen())",
            "self.db_is_down(now)",
        ),
    ),
    rare(
        LOGGED_OUT,
        bug("comes home to a Keystone that is down", PHASES, "self.identity_ailment(now)", "None::<String>"),
    ),
    rare(LOGGED_OUT, bug("ignores local_identity_down", GATES, "closed.extend(self.local_identity_gate(now));", "")),
    rare(
        LOGGED_OUT,
        bug("a Keystone that was good once is good for ever", "judge/keystone.rs", "!good && self.good", "false"),
    ),
    rare(HARDLY_A_LOOK, bug("fires without failed probes", WITNESS, EVIDENCE, "true")),
    rare(
        HARDLY_A_LOOK,
        bug("fires at one failed look", WITNESS, EVIDENCE, "self.probes.iter().all(|probe| probe.evidence >= 1)"),
    ),
    rare(
        HARDLY_A_LOOK,
        bug("counts a stale look", WITNESS, "self.life().is_none_or(|life| look.began >= life)", "true"),
    ),
    rare(HELD_UP, bug("counts looks of a gap", WITNESS, "look.began < self.not_before", "false")),
    bug(
        "counts a gap as silence",
        WITNESS,
        "self.gaps.iter().map(|(from, to)| to.since(start.max(*from))).sum()",
        "Duration::ZERO",
    ),
    bug("a refusal is no sign of life", WITNESS, "self.last_refusal = Some(look.ended);", ""),
    bug(
        "is slow to see an outage",
        WITNESS,
        "self.deadline(patience).is_some_and(|deadline| now >= deadline)",
        "self.deadline(2 * patience).is_some_and(|deadline| now >= deadline)",
    ),
    bug(
        "misses a deadline that passes during a turn",
        PHASES,
        "*at > stepped",
        "at.since(stepped) > Duration::from_millis(10)",
    ),
    bug(
        "waits for the next look when the patience ends",
        PHASES,
        "[silence, self.retries.earliest(), health]",
        "[silence.filter(|_| false), self.retries.earliest(), health]",
    ),
    bug("forgets the episode", REGION, "!memory.phase.in_episode()", "{ memory.episode = None; true }"),
    bug("doubles a hook", HOOKS, IDLE, "!hook.done && !retries.waits(&spec.name, now)"),
    bug("does again what has succeeded", HOOKS, IDLE, "hook.running.is_none() && !retries.waits(&spec.name, now)"),
    bug("tries again without a pause", HOOKS, IDLE, "!hook.done && hook.running.is_none()"),
    bug(
        "leaves switching with a failed hook",
        HOOKS,
        "self.hooks.get(&spec.name).is_some_and(|hook| hook.done)",
        "self.hooks.get(&spec.name).is_some_and(|hook| hook.done || hook.failure.is_some())",
    ),
    bug("hooks out of order", HOOKS, "(spec.optional || !held_back)", "true"),
    bug(
        "an optional hook holds back a required one",
        HOOKS,
        "held_back |= !spec.optional && !hook.done;",
        "held_back |= !hook.done;",
    ),
    bug("the way back in the order of the way out", HOOKS, WAY_BACK_LINE, "specs.iter().filter(started).collect()"),
    bug("turns back what was never started", HOOKS, WAY_BACK_LINE, "specs.iter().rev().collect()"),
    bug("forgets that a hook was started", HOOKS, "hook.started = true;", ""),
    bug("the next turn beside the old hook", HOOKS, "!self.leftovers().is_empty()", "false"),
    rare(HURRIED, bug("the next episode beside the old hook", PHASES, "!self.lingering.is_empty()", "false")),
    rare(STUCK, bug("the way back unsaved", PHASES, "saved || run.event == HookEvent::Failover", "true")),
    rare(
        STUCK,
        bug("turns back while the state cannot be saved", PHASES, "alone && self.state_broken.is_none()", "alone"),
    ),
    bug(
        "ignores the pause",
        PHASES,
        "self.memory.pause.is_none() && self.rules.mode == Mode::Auto",
        "self.rules.mode == Mode::Auto",
    ),
    bug(
        "ignores the mode",
        PHASES,
        "self.memory.pause.is_none() && self.rules.mode == Mode::Auto",
        "self.memory.pause.is_none()",
    ),
    bug("hooks begin in a pause", PHASES, "waits || !self.may_run_hooks()", "waits"),
    bug("fails over again although it rests", PHASES, "self.rested_since.is_none_or(|since| at > since)", "true"),
    bug("comes back by itself after an order", PHASES, BY_ITSELF, "self.rules.failback == Failback::Auto"),
    rare(STUCK, bug("failback = manual is ignored", PHASES, BY_ITSELF, "!self.episode_is_manual()")),
    bug("fails back without unbroken health", PHASES, "self.healthy_since = None", "()"),
    rare(STUCK, bug("fails back while lagging", PHASES, "self.lag_obstacle(now, beats)", "None")),
    bug(
        "the damper is off",
        PHASES,
        "damper::doublings(self.rules.failback_after, last, self.episode_ended, manual, now)",
        "0",
    ),
    bug(
        "the damped wait is not waited for",
        DAMPER,
        "configured.saturating_mul(1 << doubled.min(31)).min(HOUR.max(configured))",
        "configured",
    ),
    rare(
        HURRIED,
        bug(
            "two episodes have one id",
            PHASES,
            "self.new_id(now)",
            "format!(\"{}-{}\", self.name(), super::id_stamp(now.wall))",
        ),
    ),
    bug(
        "a turn is a new episode",
        PHASES,
        "episode.turn_to(direction, sentence.clone(), ordered, forced);",
        "episode.turn_to(direction, sentence.clone(), ordered, forced); episode.id.push('x');",
    ),
    rare(HELD_UP, bug("a gap is healthy", REGION, "self.healthy_since = None;", "")),
    bug(
        "a reload moves a phase",
        REGION,
        "self.keep_levels(&old.hooks);",
        "self.keep_levels(&old.hooks); if self.memory.phase == Phase::Suspect { self.memory.phase = Phase::Remote; }",
    ),
    bug(
        "every gate open on some replica",
        GATES,
        "of_replicas.min_by_key(|gates| (hold(gates), gates.len())).unwrap_or_default()",
        "of_replicas.reduce(|a, b| a.into_iter().filter(|(gate, _)| b.iter().any(|(other, _)| other == gate)).collect()).unwrap_or_default()",
    ),
    bug(
        "force passes every gate",
        "model/gate.rs",
        "matches!(self, Gate::ReplicaWritable | Gate::WrongServer | Gate::NotDedicated)",
        "false",
    ),
    // `never_seen` is not among the gates below: it never closes alone. Without a beat that is young enough to open it
    // every replica closes `data_too_old`, or `replica_unreachable` before its first look.
    bug("ignores released", REPLICA, "memory.released.get(&self.name)", "None::<&String>"),
    bug("ignores wrong_server", REPLICA, "self.wrong_server(facts, rules, masters)", "None"),
    bug("ignores not_dedicated", REPLICA, "self.not_dedicated(facts, rules)", "None"),
    bug(
        "ignores replica_unreachable",
        REPLICA,
        "closed.push((Gate::ReplicaUnreachable, format!(\"{name} at {address} cannot be looked at: {failure}\")));",
        "",
    ),
    bug("ignores another_daemon", REPLICA, "closed.push((Gate::AnotherDaemon, sentence));", ""),
    bug(
        "ignores replica_writable",
        REPLICA,
        "closed.push((Gate::ReplicaWritable, format!(\"{name} at {address} takes writes: read_only is off\")));",
        "",
    ),
    bug("ignores data_too_old", REPLICA, "closed.push((Gate::DataTooOld, sentence));", ""),
    bug("a restart counts as progress of the link", REPLICA, "before.connection == seen.connection && !moved", "true"),
    bug("lost beats are written over", BEATS, LOST, "true"),
    bug(
        "a reload of HAProxy is never mended",
        LEVELS,
        "self.level_orders.push(LevelOrder { region: self.rules.region.clone(), spec: spec.clone(), side });",
        "",
    ),
    bug("HAProxy is set while frozen", LEVELS, "self.only_observed().is_none()", "true"),
    bug("HAProxy is set beside a required hook", LEVELS, "(spec.optional || !required_runs)", "true"),
    bug("HAProxy is set beside a run that lingers", LEVELS, "self.lingering.contains(hook)", "false"),
    bug(
        "a hook that failed has turned HAProxy",
        HOOKS,
        "(outcome.end == HookEnd::Ok).then_some(outcome.event)",
        "Some(outcome.event)",
    ),
    rare(
        APART,
        bug(
            "a link moves without a look at the beats",
            SUCCESSION,
            "has(&row.instance).is_none_or(|number| number < row.number)",
            "false",
        ),
    ),
    bug("a link leaves an address that lives", SUCCESSION, "self.is_gone_for(*own, replica, link, now)", "true"),
    bug(
        "beats at two addresses at once",
        MASTERS,
        "self.order(beats.writer(), BeatOrder::Hold);
            beats.move_to(to, now, self.patience);",
        "beats.move_to(to, now, self.patience);",
    ),
    rare(
        SLOW_TO_FAIL,
        bug(
            "failed looks at one address are enough",
            WITNESS,
            EVIDENCE,
            "self.probes.iter().any(|probe| probe.evidence >= 2)",
        ),
    ),
    rare(STUCK, bug("HAProxy is set to remote unsaved", LEVELS, "saved || order.side == Side::Local", "true")),
];
