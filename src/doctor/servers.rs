//! How the database servers are set: what replication and strict read-only need, and what a restart would lose.

use std::collections::BTreeMap;

use super::facts::{Facts, Server, Side};
use super::{Answer, Check, Severity};
use crate::model::Family;
use crate::model::observation::Durability;
use crate::model::preflight::CopySide;
use crate::model::time::friendly_seconds;
use crate::plan::wanted;

/// A clock may differ by this many seconds: tokens and days then still mean the same on both sides.
const MOST_SECONDS_APART: f64 = 2.0;

/// The checks of this group.
pub const CHECKS: [Check; 8] = [
    Check {
        id: "replica-writable",
        severity: Severity::Critical,
        looks_at: "`read_only` of each replica, and `super_read_only` where the server has it.",
        why: "A row that is written on a replica alone stops replication sooner or later, and is lost with the next copy.",
        mend: "The running daemon makes it read-only again; run `keyward status` to see why it does not.",
        judge: writable,
    },
    Check {
        id: "replica-filter",
        severity: Severity::Critical,
        looks_at: "The replication filters of each replica.",
        why: "Without exactly this filter accounts and other schemas of the master appear on the replica, or rows of Keystone do not.",
        mend: "Run `keyward setup`: it shows the missing step and does it.",
        judge: filter,
    },
    Check {
        id: "lost-at-restart",
        severity: Severity::Warning,
        looks_at: "Whether read_only, the filter and the time-out of the link would outlive a restart of the replica's server.",
        why: "A server that starts without them replicates unfiltered and takes writes until keyward sees it.",
        mend: "Put the lines that `keyward setup --dry-run` prints into an option file of the replica's server; on MySQL `keyward setup` lets the server remember them.",
        judge: lost_at_restart,
    },
    Check {
        id: "server-id",
        severity: Severity::Critical,
        looks_at: "Whether all servers have a `server_id` of their own.",
        why: "A replica with the master's server_id takes nothing from it, and two replicas with the same one throw each other out.",
        mend: "Give each server its own server_id in its option file and restart it.",
        judge: server_id,
    },
    Check {
        id: "binlog-format",
        severity: Severity::Critical,
        looks_at: "The master's binary log: that there is one, that it holds whole rows, and on MySQL that it has GTIDs.",
        why: "Statements may give other rows on the replica than on the master, and no replica can be positioned without them.",
        mend: "On the master set log_bin, binlog_format=ROW and binlog_row_image=FULL in its option file (MySQL: gtid_mode=ON, enforce_gtid_consistency=ON too) and restart it.",
        judge: binlog_format,
    },
    Check {
        id: "binlog-expiry",
        severity: Severity::Warning,
        looks_at: "How long the master keeps its binary logs, against `max_data_age`.",
        why: "When an outage lasts longer than that, the replica cannot catch up and everything must be copied anew.",
        mend: "Raise binlog_expire_logs_seconds on the master above the longest outage that you want to survive, at least `max_data_age`.",
        judge: binlog_expiry,
    },
    Check {
        id: "gtid-strict",
        severity: Severity::Info,
        looks_at: "`gtid_strict_mode` of a MariaDB replica.",
        why: "With it a transaction that only the replica has is refused when it meets the master's stream, instead of mixing with it.",
        mend: "Set gtid_strict_mode=ON in the option file of the replica's server.",
        judge: gtid_strict,
    },
    Check {
        id: "clock-difference",
        severity: Severity::Warning,
        looks_at: "The clocks of the database servers against this host's.",
        why: "Tokens are issued and checked by the clock, and the day of a login ends by it; with clocks apart, a token of one region is not valid yet or no more in another.",
        mend: "Run chrony or another NTP client on this host and on the server.",
        judge: clock,
    },
];

fn each<'a>(facts: &'a Facts, answer: &mut Answer) -> Vec<(&'a Side, &'a Server)> {
    facts.sides().filter_map(|side| Some((side, answer.need(&side.server)?))).collect()
}

fn each_copy<'a>(facts: &'a Facts, answer: &mut Answer) -> Vec<(&'a Side, &'a CopySide)> {
    facts.replicas.iter().filter_map(|side| Some((side, answer.need(&side.copy)?))).collect()
}

fn writable(facts: &Facts, answer: &mut Answer) {
    for (side, copy) in each_copy(facts, answer) {
        if !copy.read_only {
            answer.find(format!("the {} takes writes: read_only is off", side.name));
        } else if copy.super_read_only == Some(false) {
            answer.find(format!("the {} takes writes of privileged accounts: super_read_only is off", side.name));
        }
    }
}

fn filter(facts: &Facts, answer: &mut Answer) {
    for (side, copy) in each_copy(facts, answer) {
        if !wanted::is_filter_right(&copy.filter, &facts.databases) {
            let seen = if copy.filter.is_empty() { "is not set" } else { &copy.filter };
            answer.find(format!(
                "replicate_wild_do_table of the {}: {seen}; it must be {}",
                side.name,
                wanted::filter(&facts.databases)
            ));
        }
        for (name, value) in &copy.other_filters {
            answer.find(format!("the {} also has the filter {name} = {value}", side.name));
        }
    }
}

fn lost_at_restart(facts: &Facts, answer: &mut Answer) {
    for (side, copy) in each_copy(facts, answer) {
        let what = [
            ("read_only", copy.read_only && copy.read_only_durability != Durability::Kept),
            ("the filter", !copy.filter.is_empty() && copy.filter_durability != Durability::Kept),
            ("slave_net_timeout", copy.net_timeout_durability != Durability::Kept),
            ("the hold of replication at start", copy.remembers && copy.threads_held != Durability::Kept),
        ];
        let lost: Vec<&str> = what.into_iter().filter(|(_, lost)| *lost).map(|(name, _)| name).collect();
        if !lost.is_empty() {
            answer.find(format!("a restart of the {}'s server would lose {}", side.name, lost.join(", ")));
        }
    }
}

fn server_id(facts: &Facts, answer: &mut Answer) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for (side, server) in each(facts, answer) {
        let id = server.value("server_id");
        if let Some(other) = seen.insert(id, &side.name) {
            answer.find(format!("the {other} and the {} have the same server_id {id}", side.name));
        }
    }
}

fn binlog_format(facts: &Facts, answer: &mut Answer) {
    let Some(server) = answer.need(&facts.master.server) else { return };
    let name = &facts.master.name;
    if !server.is_on("log_bin") {
        return answer.find(format!("the {name} writes no binary log"));
    }
    let common = [("binlog_format", "ROW"), ("binlog_row_image", "FULL")];
    let of_mysql = [("gtid_mode", "ON"), ("enforce_gtid_consistency", "ON")];
    let of_mysql = of_mysql.into_iter().filter(|_| server.family == Family::MySql);
    for (setting, wanted) in common.into_iter().chain(of_mysql) {
        let seen = server.value(setting);
        if seen != wanted {
            answer.find(format!("{setting} of the {name} is {seen}, but must be {wanted}"));
        }
    }
}

fn binlog_expiry(facts: &Facts, answer: &mut Answer) {
    let Some(server) = answer.need(&facts.master.server) else { return };
    let name = &facts.master.name;
    let Ok(seconds) = server.value("binlog_expire_logs_seconds").parse::<f64>() else { return };
    // 0 means that they are kept for good
    if seconds > 0.0 && seconds < facts.max_data_age_seconds as f64 {
        answer.find(format!(
            "the {name} keeps its binary logs for {}, less than max_data_age ({})",
            friendly_seconds(seconds),
            friendly_seconds(facts.max_data_age_seconds as f64)
        ));
    }
    if let Some(bytes) = server.value("max_binlog_total_size").parse::<u64>().ok().filter(|bytes| *bytes > 0) {
        answer.find(format!(
            "the {name} keeps at most {bytes} bytes of binary logs (max_binlog_total_size), however long an outage lasts"
        ));
    }
}

fn gtid_strict(facts: &Facts, answer: &mut Answer) {
    for side in &facts.replicas {
        let Some(server) = answer.need(&side.server) else { continue };
        if server.family == Family::MariaDb && !server.is_on("gtid_strict_mode") {
            answer.find(format!("gtid_strict_mode of the {} is off", side.name));
        }
    }
}

fn clock(facts: &Facts, answer: &mut Answer) {
    for (side, server) in each(facts, answer) {
        let (ahead, uncertain) = server.clock_ahead;
        // a slow answer is no proof that the clock is wrong
        if ahead.abs() - uncertain > MOST_SECONDS_APART {
            let way = if ahead > 0.0 { "ahead of" } else { "behind" };
            let apart = friendly_seconds(ahead.abs());
            answer.find(format!("the clock of the {} is {apart} {way} this host's", side.name));
        }
    }
}
