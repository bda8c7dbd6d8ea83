//! From what was seen of a pair to the steps that make it whole.

use super::journal::{self, Journal, OWN_SCHEMA};
use super::refusals::{not_empty, refusals, strangers};
use super::steps::{Plan, Side, Step, Who};
use super::wanted::{self, Wanted};
use crate::dialect::grants::{self, Grant};
use crate::model::Family;
use crate::model::observation::{Durability, ThreadState};
use crate::model::preflight::{BeatTable, LinkAccount, LinkSettings, Login, PairFacts, ServerSide};

/// The missing steps in order; none when the pair is as it should be.
///
/// # Errors
/// Every reason that keeps set-up from beginning, one sentence each.
pub fn plan(facts: &PairFacts, wanted: &Wanted) -> Result<Plan, Vec<String>> {
    let fresh = if facts.copy.link.is_none() { wanted.schemas() } else { Vec::new() };
    let journal = journal::read(&facts.replica, &fresh);
    let mut why = refusals(facts, wanted, &journal);
    if !why.is_empty() {
        return Err(why);
    }
    let mut steps = Vec::new();
    accounts(facts, wanted, &mut steps);
    if facts.source.beat_table == BeatTable::Missing {
        steps.push(Step::CreateBeatTable);
    }
    if facts.copy.proof_left_over {
        steps.push(Step::RemoveProof);
    }
    match (&journal, &facts.copy.link) {
        (Journal::Clean | Journal::Untidy(_), Some(link)) => repair(facts, wanted, link, &mut steps),
        _ => from_nothing(facts, wanted, &journal, &mut steps),
    }
    let unmarked = match &journal {
        Journal::Untidy(names) => names.clone(),
        _ if steps.iter().any(|step| matches!(step, Step::Copy { .. })) => wanted.schemas(),
        _ => Vec::new(),
    };
    if !unmarked.is_empty() {
        let comment = |name: &String| facts.master.schema(name).map(|schema| schema.comment.clone());
        let comments = unmarked.iter().map(|name| (name.clone(), comment(name).unwrap_or_default())).collect();
        steps.push(Step::Finish { comments });
    }
    // nothing can be written after that, not even by set-up
    if is_lax(facts) {
        steps.push(Step::SetSuperReadOnly);
    }
    if facts.copy.stamp.is_none() {
        steps.push(Step::Stamp);
    }
    // a daemon that was killed just before its last steps may do them; a pair in any other state is an operator's
    let last_steps = |step: &Step| matches!(step, Step::Finish { .. } | Step::SetSuperReadOnly | Step::Stamp);
    let begun = matches!(journal, Journal::HalfDone(_)) || facts.copy.link.is_none();
    if wanted.auto && !begun && !steps.iter().all(last_steps) {
        return Err(vec![not_empty(&facts.replica)]);
    }
    why.extend(shut_out(facts, &steps));
    for side in [Side::Master, Side::Replica] {
        why.extend(missing_rights(facts, wanted, side, &steps));
    }
    if !why.is_empty() {
        return Err(why);
    }
    let drop_in = drop_in(facts, wanted);
    Ok(Plan { master: facts.master.name.clone(), replica: facts.replica.name.clone(), steps, drop_in })
}

/// Whether one of the servers is not handled, or the two do not replicate to each other.
pub fn has_strangers(facts: &PairFacts) -> bool {
    !strangers(facts).is_empty()
}

fn accounts(facts: &PairFacts, wanted: &Wanted, steps: &mut Vec<Step>) {
    let sides = [
        (
            Side::Master,
            &facts.master,
            wanted.own_ssl_on_master,
            wanted::master_rights(facts.master.family, &wanted.databases),
        ),
        (
            Side::Replica,
            &facts.replica,
            wanted.own_ssl_on_replica,
            wanted::replica_rights(facts.replica.family, &wanted.databases),
        ),
    ];
    for (side, seen, ssl, rights) in sides {
        let fresh = (wanted.own_user.clone(), "%".to_owned());
        let (account, have) = match &seen.account {
            Login::Works { account, grants } => (account.clone(), parsed(grants)),
            _ => {
                steps.push(Step::CreateAccount { side, who: Who::Own, account: fresh.clone(), ssl });
                (fresh, Vec::new())
            }
        };
        let missing = grants::missing(&have, &rights);
        // without an administrator a missing right is a refusal, see missing_rights
        if !missing.is_empty() && seen.by_admin {
            steps.push(Step::Grant { side, account, grants: missing });
        }
    }
    let side = Side::Master;
    let (account, have) = match &facts.source.link_account {
        LinkAccount::Unknown => return,
        LinkAccount::Exists { account, grants } => (account.clone(), parsed(grants)),
        LinkAccount::Missing => {
            let account = (wanted.link.user.clone(), "%".to_owned());
            let ssl = wanted.link.ssl;
            steps.push(Step::CreateAccount { side, who: Who::Link, account: account.clone(), ssl });
            (account, Vec::new())
        }
    };
    let missing = grants::missing(&have, &wanted::link_rights());
    if !missing.is_empty() {
        steps.push(Step::Grant { side, account, grants: missing });
    }
}

fn parsed(lines: &[String]) -> Vec<Grant> {
    lines.iter().filter_map(|line| grants::parse(line)).collect()
}

fn from_nothing(facts: &PairFacts, wanted: &Wanted, journal: &Journal, steps: &mut Vec<Step>) {
    let link = facts.copy.link.is_some();
    if let Journal::HalfDone(schemas) = journal {
        let mark = facts.replica.schema(OWN_SCHEMA).map(|schema| schema.comment.as_str()).unwrap_or_default();
        let settings = journal::to_give_back(mark);
        steps.push(Step::ClearHalfDone { schemas: schemas.clone(), link, settings });
    }
    steps.push(Step::ProveLink);
    if !facts.copy.read_only {
        steps.push(Step::SetReadOnly);
    }
    steps.push(Step::Copy { schemas: wanted.schemas() });
    server_settings(facts, wanted, steps);
    steps.extend([Step::ConfigureLink, Step::StartLink, Step::AwaitBeat]);
}

/// What has to be written on a replica that lets nobody write; no statement of keyward's makes a server writable.
fn shut_out(facts: &PairFacts, steps: &[Step]) -> Option<String> {
    let writes = |step: &&Step| match step {
        Step::CreateAccount { side, .. } | Step::Grant { side, .. } => *side == Side::Replica,
        Step::ClearHalfDone { .. } | Step::Copy { .. } | Step::Finish { .. } => true,
        _ => false,
    };
    let step = steps.iter().find(writes).filter(|_| facts.copy.super_read_only == Some(true))?;
    let plan = Plan { master: facts.master.name.clone(), replica: facts.replica.name.clone(), ..Plan::default() };
    Some(format!(
        "{} has super_read_only on, which keeps set-up out as well, and this is to be written there: {} Stop its keyward, \
         turn super_read_only off there by hand, read_only may stay on, and set it up again",
        facts.replica.name,
        plan.sentence(step)
    ))
}

/// Whether administrators may write, or could after a restart.
fn is_lax(facts: &PairFacts) -> bool {
    let copy = &facts.copy;
    let forgets = copy.remembers && copy.read_only_durability != Durability::Kept;
    copy.super_read_only.is_some_and(|strict| !strict || forgets)
}

fn server_settings(facts: &PairFacts, wanted: &Wanted, steps: &mut Vec<Step>) {
    if !wanted::is_filter_right(&facts.copy.filter, &wanted.databases) {
        steps.push(Step::SetFilter(wanted::filter(&wanted.databases)));
    }
    let seconds = wanted::net_timeout_seconds(wanted.beat_interval);
    let forgets = |durability| facts.copy.remembers && durability != Durability::Kept;
    if facts.copy.net_timeout_seconds != seconds || forgets(facts.copy.net_timeout_durability) {
        steps.push(Step::SetNetTimeout(seconds));
    }
    if forgets(facts.copy.threads_held) {
        steps.push(Step::HoldThreads);
    }
}

fn repair(facts: &PairFacts, wanted: &Wanted, link: &LinkSettings, steps: &mut Vec<Step>) {
    if !facts.copy.read_only {
        steps.push(Step::SetReadOnly);
    }
    let configure = !is_link_right(link, wanted) || link.facts.io_errno != 0;
    let mut changes = Vec::new();
    server_settings(facts, wanted, &mut changes);
    if configure {
        changes.push(Step::ConfigureLink);
    }
    let running = link.facts.io == ThreadState::Running && link.facts.sql == ThreadState::Running;
    if changes.is_empty() && running {
        return;
    }
    let stopped = link.facts.io == ThreadState::Stopped && link.facts.sql == ThreadState::Stopped;
    if !changes.is_empty() && !stopped {
        steps.push(Step::StopLink);
    }
    // a link that is there is not proven by a second one, which would move the replica's GTID position
    steps.append(&mut changes);
    steps.extend([Step::StartLink, Step::AwaitBeat]);
}

fn is_link_right(link: &LinkSettings, wanted: &Wanted) -> bool {
    link.facts.user == wanted.link.user
        && link.connect_retry == 1
        && link.most_retries.is_none_or(|most| most == 0)
        && format!("{:.3}", link.facts.heartbeat_period) == wanted.link.heartbeat
        && link.ssl == wanted.link.ssl
        && link.ssl_verify == wanted.link.verify
        && link.ssl_ca == wanted.link.ca
        && link.ssl_cert == wanted.link.cert
        && link.ssl_key == wanted.link.key
}

/// Without an administrator, keyward's own account must be able to do every step.
fn missing_rights(facts: &PairFacts, wanted: &Wanted, side: Side, steps: &[Step]) -> Option<String> {
    let databases = &wanted.databases;
    let copies = steps.iter().any(|step| matches!(step, Step::Copy { .. } | Step::Finish { .. } | Step::ProveLink));
    let (seen, option): (&ServerSide, &str) = match side {
        Side::Master => (&facts.master, "--master-admin"),
        Side::Replica => (&facts.replica, "--replica-admin"),
    };
    let Login::Works { grants, .. } = &seen.account else { return None };
    if seen.by_admin {
        return None;
    }
    let family = seen.family;
    let mut needed = match side {
        Side::Master => wanted::master_rights(family, databases),
        Side::Replica => wanted::replica_rights(family, databases),
    };
    match side {
        Side::Master if copies => needed.extend(wanted::master_setup_rights(family, databases)),
        Side::Replica if copies => needed.extend(wanted::replica_setup_rights(family, databases)),
        Side::Replica if steps.contains(&Step::HoldThreads) => needed.push(wanted::right_to_hold_threads()),
        _ => {}
    }
    if side == Side::Master && steps.contains(&Step::CreateBeatTable) {
        needed.push(Grant::schema(OWN_SCHEMA, &["CREATE"]));
    }
    let missing: Vec<String> = grants::missing(&parsed(grants), &needed).iter().map(Grant::words).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "{} does not allow keyward's account all of this; it lacks {}: give {option}, or run what {} prints",
            seen.name,
            missing.join("; "),
            wanted::print_sql(family)
        )
    })
}

/// What the replica's option file must say and a restart would lose as things are; empty when nothing.
fn drop_in(facts: &PairFacts, wanted: &Wanted) -> Vec<String> {
    let copy = &facts.copy;
    let kept = |durability: Durability| durability == Durability::Kept;
    let filter = kept(copy.filter_durability) && wanted::is_filter_right(&copy.filter, &wanted.databases);
    let read_only = kept(copy.read_only_durability) && copy.read_only;
    let seconds = wanted::net_timeout_seconds(wanted.beat_interval);
    let timeout = kept(copy.net_timeout_durability) && copy.net_timeout_seconds == seconds;
    if filter && read_only && timeout {
        return Vec::new();
    }
    let patterns = wanted::filter_patterns(&wanted.databases);
    let [group, read_only, held, net_timeout] = match facts.replica.family {
        Family::MariaDb => ["mariadb", "read_only", "skip_slave_start", "slave_net_timeout"],
        Family::MySql => ["mysqld", "super_read_only", "skip_replica_start", "replica_net_timeout"],
    };
    std::iter::once(format!("[{group}]"))
        .chain(patterns.iter().map(|pattern| format!("replicate_wild_do_table = {pattern}")))
        .chain([format!("{read_only} = ON"), format!("{held} = ON"), format!("{net_timeout} = {seconds}")])
        .collect()
}
