//! The steps of a set-up, each as a value and as a sentence.

use crate::dialect::grants::Grant;
use crate::model::aside::Move;
use crate::model::preflight::GlobalSetting;

/// Which server a step is done on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The master.
    Master,
    /// The replica.
    Replica,
}

/// Which account a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Keyward's own.
    Own,
    /// The one that replicas log in with.
    Link,
}

/// One step; a plan has no choices left.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create an account without rights.
    CreateAccount {
        /// Where.
        side: Side,
        /// Which.
        who: Who,
        /// User and host.
        account: (String, String),
        /// It may log in over TLS only.
        ssl: bool,
    },
    /// Give rights to an account.
    Grant {
        /// Where.
        side: Side,
        /// User and host.
        account: (String, String),
        /// The rights that are missing.
        grants: Vec<Grant>,
    },
    /// Create schema `keyward` and its table on the master.
    CreateBeatTable,
    /// Prove that the replica's server can log in at the master.
    ProveLink,
    /// Remove the connection that an interrupted proof left.
    RemoveProof,
    /// Remove what an interrupted set-up left.
    ClearHalfDone {
        /// The schemas that it made, the journal last.
        schemas: Vec<String>,
        /// The link is there too.
        link: bool,
        /// Settings of the server that it changed while it loaded rows, as they were before.
        settings: Vec<GlobalSetting>,
    },
    /// Decide to move schemas aside: from here on the next run goes on, whichever command it is.
    BeginMove {
        /// The moves that have not begun.
        moves: Vec<Move>,
    },
    /// Stop the link and forget it.
    ForgetLink,
    /// Move schemas aside to their dated names.
    MoveAside {
        /// The moves, the one that is ended last first.
        moves: Vec<Move>,
    },
    /// Empty the replica's own binlog, which holds transactions that the master never had.
    ResetBinlog {
        /// The ids that are in the way.
        ids: Vec<String>,
    },
    /// Make the replica read-only for ordinary accounts.
    SetReadOnly,
    /// Make the replica read-only for everybody, where that is another thing.
    SetSuperReadOnly,
    /// Keep replication from starting by itself with the server, where it can remember that.
    HoldThreads,
    /// Copy the schemas from one snapshot, and set the replica's position to it.
    Copy {
        /// The schemas, `keyward` first.
        schemas: Vec<String>,
    },
    /// Stop both replication threads.
    StopLink,
    /// Set the filter.
    SetFilter(String),
    /// Set `slave_net_timeout`, in seconds.
    SetNetTimeout(u64),
    /// Point the replica at the master.
    ConfigureLink,
    /// Start both replication threads and wait until they run.
    StartLink,
    /// Write a beat on the master and wait until it is seen on the replica.
    AwaitBeat,
    /// Take the marks of an unfinished set-up away.
    Finish {
        /// The schemas with a mark and the comment each should have, the journal first.
        comments: Vec<(String, String)>,
    },
    /// Record which server this replica is.
    Stamp,
}

/// A whole set-up of one pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// How sentences call the master.
    pub master: String,
    /// How sentences call the replica.
    pub replica: String,
    /// The steps in order; none when nothing is to be done.
    pub steps: Vec<Step>,
    /// What was found broken, one sentence each, the gravest first.
    pub findings: Vec<String>,
    /// Lines of the option-file drop-in that is not in force yet; empty when it is.
    pub drop_in: Vec<String>,
}

impl Plan {
    /// One line a step, numbered.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.steps.iter().enumerate();
        lines.map(|(at, step)| format!("{:>2}. {}", at + 1, self.sentence(step))).collect()
    }

    /// A step as a sentence.
    pub fn sentence(&self, step: &Step) -> String {
        let on = |side: Side| if side == Side::Master { &self.master } else { &self.replica };
        let (master, replica) = (&self.master, &self.replica);
        match step {
            Step::CreateAccount { side, account, ssl, .. } => {
                let only = if *ssl { ", which must use TLS," } else { "" };
                format!("Create the account {}@{}{only} on {}.", account.0, account.1, on(*side))
            }
            Step::Grant { side, account, grants } => {
                let words: Vec<String> = grants.iter().map(Grant::words).collect();
                format!("Allow {}@{} on {}: {}.", account.0, account.1, on(*side), words.join("; "))
            }
            Step::CreateBeatTable => format!("Create schema keyward with table beat on {master}."),
            Step::ProveLink => format!("Prove that {replica} can log in at {master} for replication."),
            Step::RemoveProof => format!("Remove what an interrupted proof of the link left on {replica}."),
            Step::ClearHalfDone { schemas, link, settings } => {
                let too = if *link { " and the link" } else { "" };
                let first: Vec<String> =
                    settings.iter().map(|setting| format!("{} back to {}", setting.name, setting.value)).collect();
                let first = if first.is_empty() { String::new() } else { format!("Set {}, then drop ", list(&first)) };
                let first = if first.is_empty() { "Drop ".to_owned() } else { first };
                format!("{first}{}{too}, which an interrupted set-up left half done on {replica}.", list(schemas))
            }
            Step::BeginMove { moves } => {
                let names: Vec<String> = moves.iter().map(|one| one.of.clone()).collect();
                format!("Write down on {replica} that {} will be moved aside.", list(&names))
            }
            Step::ForgetLink => format!("Stop replication on {replica} and forget the link."),
            Step::MoveAside { moves } => {
                let names: Vec<String> = moves.iter().map(|one| format!("{} to {}", one.of, one.into)).collect();
                format!("Move {} on {replica}; nothing is dropped.", list(&names))
            }
            Step::ResetBinlog { ids } => {
                let ids = ids.join(", ");
                format!("Empty the binlog of {replica}, which holds transactions that {master} never had ({ids}).")
            }
            Step::SetReadOnly => format!("Make {replica} read-only."),
            Step::SetSuperReadOnly => {
                format!("Make {replica} read-only for administrators too, and let it stay so across a restart.")
            }
            Step::HoldThreads => {
                format!("Keep replication on {replica} from starting by itself, as it would start unfiltered.")
            }
            Step::Copy { schemas } => {
                format!("Copy {} from one snapshot of {master} to {replica}, and set its GTID position.", list(schemas))
            }
            Step::StopLink => format!("Stop replication on {replica}."),
            Step::SetFilter(filter) => format!("Let only {filter} through on {replica}."),
            Step::SetNetTimeout(seconds) => format!("Set slave_net_timeout to {seconds} s on {replica}."),
            Step::ConfigureLink => format!("Point {replica} at {master}, by GTID."),
            Step::StartLink => format!("Start replication on {replica} and see both threads run."),
            Step::AwaitBeat => format!("Write a beat on {master} and see it arrive on {replica}."),
            Step::Finish { .. } => format!("Take the marks of an unfinished set-up off {replica}."),
            Step::Stamp => format!("Record which server {replica} is."),
        }
    }
}

fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
