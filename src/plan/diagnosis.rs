//! What is broken on a replica that was set up, and what mends it: a plain value, and a sentence with the next command.

use super::aside;
use super::wanted::Wanted;
use crate::dialect::errors;
use crate::model::observation::ThreadState;
use crate::model::preflight::PairFacts;
use crate::model::{Family, gtid};

/// What mends a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Plain `keyward setup`.
    Setup,
    /// `keyward setup --reseed`: the rows are moved aside and copied anew.
    Reseed,
    /// Nothing needs to be done now; it is only said.
    Knowledge,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is broken, without an end.
    pub what: String,
    /// What mends it.
    pub remedy: Remedy,
    /// What should be done before that, as half a sentence; empty for nothing.
    pub first: String,
}

impl Finding {
    fn new(remedy: Remedy, what: String) -> Self {
        Self { what, remedy, first: String::new() }
    }

    fn after(mut self, first: &str) -> Self {
        first.clone_into(&mut self.first);
        self
    }

    /// Whether the set-up that is asked for mends it, or need not.
    pub fn is_mended(&self, facts: &PairFacts, wanted: &Wanted) -> bool {
        self.remedy != Remedy::Reseed || aside::is_anew(facts, wanted)
    }

    /// The fault and the next command.
    pub fn sentence(&self, wanted: &Wanted) -> String {
        let place = &wanted.mend.place;
        let command = match self.remedy {
            Remedy::Setup => return format!("{}; this set-up mends it", self.what),
            Remedy::Knowledge => return self.what.clone(),
            Remedy::Reseed => format!("`keyward setup --region {place} --reseed` moves its rows aside and copies anew"),
        };
        let first = if self.first.is_empty() { String::new() } else { format!("{}, ", self.first) };
        format!("{}: {first}{command}", self.what)
    }
}

/// Every fault of a replica that has rows or a link, the gravest first.
pub fn findings(facts: &PairFacts, wanted: &Wanted) -> Vec<Finding> {
    let mut all = Vec::new();
    let replica = &facts.replica.name;
    let had_rows = facts.copy.link.is_some() || facts.copy.stamp.is_some();
    if let Some(lost) = wanted.mend.lost.as_ref().filter(|_| had_rows) {
        let first = format!("`keyward verify --region {}` says what differs", wanted.mend.place);
        let what = format!("{replica} may hold transactions that the master has lost ({lost})");
        all.push(Finding::new(Remedy::Reseed, what).after(&first));
    }
    if aside::is_open(facts) {
        let what = format!("{replica} is half way through moving its rows aside");
        all.push(Finding::new(Remedy::Setup, what));
        return all;
    }
    let Some(link) = &facts.copy.link else {
        // of a server that was never set up nobody asks where its transactions come from
        all.extend(facts.copy.stamp.as_ref().and_then(|_| own_transactions(facts, wanted)));
        return all;
    };
    if aside::follows(facts, wanted) {
        receiving(facts, wanted, &mut all);
        applying(facts, wanted, &mut all);
        settings(facts, wanted, &mut all);
    } else {
        all.push(elsewhere(facts));
    }
    // schema keyward follows over the link, the databases would not
    let missing = wanted.databases.iter().find(|name| facts.replica.schema(name).is_none());
    if let Some(name) = missing.filter(|_| aside::follows(facts, wanted)) {
        let to = format!("{}:{}", link.facts.host, link.facts.port);
        all.push(Finding::new(Remedy::Reseed, format!("{replica} replicates from {to} but does not hold {name}")));
    }
    all.extend(own_transactions(facts, wanted));
    all
}

/// What of the master's transactions is not the master's: errant ones, as count and ids.
pub fn errant(facts: &PairFacts) -> Option<(u64, String)> {
    let known = [facts.master.gtid_binlog_state.as_str(), &facts.copy.written_before];
    let has = [facts.replica.gtid_binlog_state.as_str(), &facts.replica.gtid_slave_pos];
    let (count, ids) = (gtid::errant(&known, &has)?, gtid::errant_ids(&known, &has)?);
    (count > 0).then_some((count, ids))
}

fn own_transactions(facts: &PairFacts, wanted: &Wanted) -> Option<Finding> {
    let (count, ids) = errant(facts)?;
    let (replica, master, place) = (&facts.replica.name, &facts.master.name, &wanted.mend.place);
    let transactions = if count == 1 { "a transaction".to_owned() } else { format!("{count} transactions") };
    Some(Finding::new(
        Remedy::Knowledge,
        format!(
            "{replica} has {transactions} or more that {master} never had ({ids}): `keyward verify --region {place}` \
             says whether its rows differ; `keyward setup --region {place} --reseed` moves them aside and copies anew"
        ),
    ))
}

fn elsewhere(facts: &PairFacts) -> Finding {
    let (replica, master) = (&facts.replica.name, &facts.master.name);
    let (host, port) = match &facts.copy.link {
        Some(link) => (link.facts.host.as_str(), link.facts.port),
        None => ("", 0),
    };
    let what = format!("{replica} replicates from {host}:{port}, not from {master}");
    let applied = position(facts);
    let why_not = if applied.is_empty() {
        Some("it has no GTID position".to_owned())
    } else if !facts.copy.link.as_ref().is_some_and(|link| link.facts.by_gtid) {
        Some("it replicates without GTID".to_owned())
    } else if !gtid::covers(&facts.master.gtid_binlog_pos, applied) {
        Some(format!("its position {applied} is not one that the master has passed ({})", facts.master.gtid_binlog_pos))
    } else if let Some((_, ids)) = errant(facts) {
        Some(format!("it has transactions that the master never had ({ids})"))
    } else {
        None
    };
    match why_not {
        None => Finding::new(Remedy::Setup, format!("{what}, which has every transaction of it")),
        Some(why) => Finding::new(Remedy::Reseed, format!("{what}, and cannot go on from there ({why})"))
            .after("if it is meant to follow the master"),
    }
}

/// What the replica has applied.
fn position(facts: &PairFacts) -> &str {
    match facts.replica.family {
        Family::MariaDb => &facts.replica.gtid_slave_pos,
        Family::MySql => &facts.replica.gtid_binlog_pos,
    }
}

fn receiving(facts: &PairFacts, wanted: &Wanted, all: &mut Vec<Finding>) {
    let Some(link) = &facts.copy.link else { return };
    let (replica, master) = (&facts.replica.name, &facts.master.name);
    let (number, said) = (link.facts.io_errno, &link.facts.io_error);
    if link.facts.purged {
        let what = format!("{master} has purged the binlogs that {replica} still needs (error {number})");
        all.push(Finding::new(Remedy::Reseed, what));
    } else if errors::is_beyond(number, said) {
        let what = format!("{replica} stands at {}, which {master} does not have (error {number})", position(facts));
        all.push(Finding::new(Remedy::Reseed, what));
    } else if errors::is_expired(number) && link.facts.io != ThreadState::Running {
        let user = &wanted.link.user;
        let what = format!(
            "{replica} does not receive from {master}: the password of {user} has expired there (error {number}); set a \
             new one there and in replication.password before this set-up"
        );
        all.push(Finding::new(Remedy::Knowledge, what));
    } else if number != 0 && link.facts.io != ThreadState::Running {
        let what = format!("{replica} does not receive from {master} (error {number}, {said})");
        all.push(Finding::new(Remedy::Setup, what));
    }
}

fn applying(facts: &PairFacts, wanted: &Wanted, all: &mut Vec<Finding>) {
    let Some(link) = &facts.copy.link else { return };
    let (replica, place) = (&facts.replica.name, &wanted.mend.place);
    let (number, said) = (link.facts.sql_errno, &link.facts.sql_error);
    if number == 0 {
        return;
    }
    let what = match errors::row(number, said) {
        Some(row) => {
            let table = if row.table.is_empty() { "a table".to_owned() } else { row.table };
            let key = if row.key.is_empty() { String::new() } else { format!(" ({})", row.key) };
            let how = if row.duplicate { "already holds a row that the master inserts in" } else { "lacks a row of" };
            format!("{replica} {how} {table}{key}, and stopped replicating with error {number}")
        }
        None => format!("{replica} stopped replicating with error {number} ({said})"),
    };
    let first = format!("`keyward verify --region {place}` says which rows differ, nothing is ever skipped");
    all.push(Finding::new(Remedy::Reseed, what).after(&first));
}

fn settings(facts: &PairFacts, wanted: &Wanted, all: &mut Vec<Finding>) {
    let Some(link) = &facts.copy.link else { return };
    let want = &wanted.link;
    let mut differ = Vec::new();
    for (name, same) in [
        ("user", link.facts.user == want.user),
        ("TLS", link.ssl == want.ssl && link.ssl_verify == want.verify),
        ("TLS files", link.ssl_ca == want.ca && link.ssl_cert == want.cert && link.ssl_key == want.key),
        ("heartbeat period", format!("{:.3}", link.facts.heartbeat_period) == want.heartbeat),
        ("retries", link.connect_retry == 1 && link.most_retries.is_none_or(|most| most == 0)),
    ] {
        if !same {
            differ.push(name);
        }
    }
    if !differ.is_empty() {
        let what = format!("the link of {} differs from the settings in {}", facts.replica.name, differ.join(", "));
        all.push(Finding::new(Remedy::Setup, what));
    }
}
