//! Pairs of servers, and settings that point at them.

pub use crate::common_settings::{no_tls, region, replica_name};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyward::act::aside::MovedAside;
use keyward::config::Settings;
use keyward::config::schema::Account;
use keyward::daemon::setup::{End, How, Progress, set_up_replica};
use keyward::lab::{Kind, Spec};
use keyward::model::Family;
use keyward::wire::connect::{Place, Target};
use tempfile::TempDir;

pub use crate::common::Server;

pub const OWN_PASSWORD: &str = "own-p'ass\\word";
pub const LINK_PASSWORD: &str = "link-password";

impl Server {
    /// A server with these lines in its option file.
    pub fn start(server_id: u32, lines: &[&str]) -> Self {
        Self::of(Spec::new("server", server_id).lines(lines))
    }

    /// A server of a kind with these lines in its option file.
    pub fn of_kind(kind: Kind, server_id: u32, lines: &[&str]) -> Self {
        Self::of(Spec::new("server", server_id).kind(kind).lines(lines))
    }

    /// An ordinary master or replica.
    pub fn plain(server_id: u32) -> Self {
        Self::start(server_id, &[])
    }
}

/// Root through a server's socket.
pub fn admin(socket: PathBuf) -> Target {
    Target {
        place: Place::Socket(socket),
        account: Account { user: "root".into(), password: "".into() },
        tls: no_tls(),
        connect_timeout: Duration::from_secs(5),
    }
}

/// Settings without TLS for one master and one replica.
pub fn settings(master: &str, replica: &str, state_dir: &Path) -> Settings {
    let account = |user: &str, password: &str| Account { user: user.into(), password: password.into() };
    let accounts = [account("keyward", OWN_PASSWORD), account("keyward_repl", LINK_PASSWORD)];
    crate::common_settings::settings(master, replica, state_dir, accounts)
}

/// A master, a replica, and settings for both.
pub struct Pair {
    pub master: Server,
    pub replica: Server,
    pub state: TempDir,
    pub settings: Settings,
}

impl Pair {
    pub fn new(master: Server, replica: Server) -> Self {
        let state = tempfile::tempdir().unwrap();
        let settings = settings(&master.address(), &replica.address(), state.path());
        Self { master, replica, state, settings }
    }

    /// A plain pair; the master holds a small database.
    pub fn plain() -> Self {
        Self::of_kinds(Kind::default(), Kind::default())
    }

    /// The same of these kinds.
    pub fn of_kinds(master: Kind, replica: Kind) -> Self {
        let pair = Self::new(Server::of_kind(master, 1, &[]), Server::of_kind(replica, 2, &[]));
        pair.master.sql(
            "CREATE DATABASE keystone CHARACTER SET utf8mb4; CREATE TABLE keystone.user (id VARCHAR(64) PRIMARY KEY); \
             INSERT INTO keystone.user VALUES ('a'), ('b');",
        );
        pair
    }

    pub fn admins(&self) -> How {
        let [master, replica] = [&self.master, &self.replica].map(|server| Some(admin(server.socket())));
        How { master_admin: master, replica_admin: replica, ..How::default() }
    }

    pub fn set_up(&self, how: &How) -> End {
        set_up(&self.settings, how)
    }

    /// Sets up, and hands out what was moved aside.
    pub fn set_up_telling(&self, how: &How) -> (End, Vec<MovedAside>) {
        let moved = Mutex::new(Vec::new());
        let end = set_up_telling(&self.settings, how, &|progress| match progress {
            Progress::MovedAside(more) => moved.lock().unwrap().extend(more),
            Progress::Step(sentence) => println!("{sentence}"),
            _ => {}
        });
        (end, moved.into_inner().unwrap())
    }

    /// Sets up, and adds what was found broken.
    pub fn set_up_finding(&self, how: &How, found: &mut Vec<String>) -> End {
        let said = Mutex::new(Vec::new());
        let end = set_up_telling(&self.settings, how, &|progress| {
            if let Progress::Planned(plan) = progress {
                *said.lock().unwrap() = plan.findings;
            }
        });
        found.extend(said.into_inner().unwrap());
        end
    }

    /// Waits until the replica has applied everything that the master has now.
    pub fn catch_up(&self) {
        let [position, wait, status] = match self.replica.kind().family() {
            Family::MariaDb => ["gtid_binlog_pos", "MASTER_GTID_WAIT", "SHOW ALL SLAVES STATUS"],
            Family::MySql => ["gtid_executed", "WAIT_FOR_EXECUTED_GTID_SET", "SHOW REPLICA STATUS"],
        };
        let position = self.master.sql(&format!("SELECT REPLACE(@@GLOBAL.{position}, '\\n', '')"));
        let waited = self.replica.sql(&format!("SELECT {wait}('{}', 60)", position.trim()));
        assert_eq!(waited.trim(), "0", "{}", self.replica.sql(status));
    }
}

pub fn set_up(settings: &Settings, how: &How) -> End {
    set_up_telling(settings, how, &|progress| match progress {
        Progress::Step(sentence) => println!("{sentence}"),
        Progress::Planned(plan) => plan.findings.iter().for_each(|finding| println!("found: {finding}")),
        _ => {}
    })
}

pub fn set_up_telling(settings: &Settings, how: &How, tell: &(dyn Fn(Progress) + Sync)) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(set_up_replica(settings, &region(), &replica_name(), how, tell))
}

/// The refusals of an end that must be one.
pub fn refusals(end: End) -> String {
    match end {
        End::Refused(why) => why.join("\n"),
        other => panic!("expected a refusal, not {other:?}"),
    }
}

pub fn is_done(end: &End) -> bool {
    matches!(end, End::Done(_))
}

/// Raises a flag when it goes, also in a panic, so that a thread that waits for it ends.
pub struct StopAtEnd<'a>(pub &'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
