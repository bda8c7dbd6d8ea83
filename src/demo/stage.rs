//! The stage: two servers with certificates, a loaded RegionOne, an empty RegionTwo, settings and a hook.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::hero::Hero;
use super::teller::{Teller, thousands};
use crate::lab::keystone::{self, Size};
use crate::lab::port::Port;
use crate::lab::server::{Server, Spec};
use crate::lab::{Lab, Pair};

/// The account of each region's own Keystone.
pub(super) const KEYSTONE: (&str, &str) = ("keystone", "keystone-of-the-demo");
pub(super) const SIZE: Size = Size { users: 3_000, projects: 400 };

/// What `keyward setup` would ask an operator to put into RegionTwo's option file.
pub(super) const DROP_IN: [&str; 5] = [
    "skip_slave_start",
    "read_only=1",
    "slave_net_timeout=4",
    "replicate_wild_do_table=keystone.%",
    "replicate_wild_do_table=keyward.%",
];

/// Everything on the stage. The daemon ends before the servers, and the folder goes last.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) hero: Hero,
    pub(super) one: Server,
    pub(super) two: Server,
    http: Port,
    lab: Lab,
}

impl Stage {
    pub(super) async fn set(teller: &mut Teller) -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        teller.title(&format!("Keyward: two regions, two real MariaDB servers ({}), one outage", lab.version()));
        teller.scene("RegionOne and RegionTwo start their databases");
        let authority = lab.authority("ca")?;
        let spec = |name: &str, id: u32, pair: &Pair| Spec::new(name, id).tls(pair);
        let master = spec("RegionOne", 101, &authority.server("RegionOne")?);
        let replica = spec("RegionTwo", 201, &authority.server("RegionTwo")?).lines(&DROP_IN);
        let (one, two) = tokio::try_join!(lab.start(master), lab.start(replica))?;
        keystone::load(&one, "keystone", SIZE).await?;
        for server in [&one, &two] {
            keystone::account(server, KEYSTONE.0, KEYSTONE.1).await?;
        }
        let http = Port::take().context("find a free port")?;
        let address = format!("127.0.0.1:{}", http.number());
        let files = Files { ca: &authority.ca_file(), http: &address, one: &one, two: &two, failback_after: "5s" };
        let settings = files.write(lab.folder(), include_str!("hook-exec.toml"))?;
        let hero = Hero::new(lab.folder(), settings, address)?;
        teller.detail(&format!("RegionOne  {}, {} users", one.address(), thousands(SIZE.users.into())));
        teller.detail(&format!("RegionTwo  {}, empty", two.address()));
        Ok(Self { hero, one, two, http, lab })
    }

    /// The end of the daemon's log.
    pub(super) fn log_tail(&self) -> String {
        self.hero.log_tail()
    }

    /// Runs of the hook so far, oldest first: when, in seconds since 1970, and which way.
    pub(super) fn hook_runs(&self) -> Vec<(f64, String)> {
        let text = fs::read_to_string(self.lab.folder().join("hook-runs")).unwrap_or_default();
        let runs = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
        });
        runs.collect()
    }

    /// Says where to look while everything stays up.
    pub(super) fn show_the_way(&self, teller: &Teller) {
        show_the_way(teller, self.http.number(), self.lab.folder());
        teller.detail("kill the master yourself:");
        teller.detail(&format!("kill -STOP {0}   and   kill -CONT {0}", self.one.pid().unwrap_or_default()));
    }
}

/// Says where to look at a daemon while everything stays up.
pub(super) fn show_the_way(teller: &Teller, port: u16, folder: &Path) {
    let base = format!("http://127.0.0.1:{port}");
    teller.scene("It all stays up until Ctrl-C; then nothing is left of it:");
    teller.detail(&format!("{base}/  the page"));
    teller.detail(&format!("{base}/metrics  for Prometheus"));
    teller.detail(&format!("{base}/api/v1/status  as JSON"));
    teller.detail(&format!("keyward --config {} status", folder.join("keyward.toml").display()));
}

/// What stands in the files of keyward.
pub(super) struct Files<'a> {
    pub(super) ca: &'a Path,
    pub(super) http: &'a str,
    pub(super) one: &'a Server,
    pub(super) two: &'a Server,
    pub(super) failback_after: &'a str,
}

impl Files<'_> {
    /// Writes settings with these hooks, and all that they name, into the folder. Returns where the settings are.
    pub(super) fn write(&self, folder: &Path, hooks: &str) -> anyhow::Result<PathBuf> {
        let here = folder.display().to_string();
        let (ca, master, replica) = (self.ca.display().to_string(), self.one.address(), self.two.address());
        let gaps = [
            ("hooks", hooks),
            ("folder", here.as_str()),
            ("failback_after", self.failback_after),
            ("http", self.http),
            ("ca", ca.as_str()),
            ("master", master.as_str()),
            ("replica", replica.as_str()),
        ];
        let settings = folder.join("keyward.toml");
        let files = [
            ("keyward.toml", include_str!("keyward.toml"), 0o600),
            ("local-auth", include_str!("local-auth.sh"), 0o755),
            ("keyward.password", "keyward-of-the-demo\n", 0o600),
            ("replication.password", "replication-of-the-demo\n", 0o600),
        ];
        for (name, text, mode) in files {
            let path = folder.join(name);
            let said = || format!("write {}", path.display());
            fs::write(
                &path,
                gaps.iter().fold(text.to_owned(), |text, (gap, value)| text.replace(&format!("{{{gap}}}"), value)),
            )
            .with_context(said)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).with_context(said)?;
        }
        fs::create_dir(folder.join("state")).context("make the state folder")?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::client::server_error;

    #[tokio::test]
    async fn region_one_is_loaded_and_region_two_is_empty_and_refuses_writes() {
        let stage = Stage::set(&mut Teller::new()).await.unwrap();
        let one = stage.one.client(KEYSTONE.0, KEYSTONE.1);
        one.run(&keystone::sign_up("newcomer")).await.unwrap();
        one.run(&keystone::write("newcomer")).await.unwrap();
        assert_eq!(one.rows(&keystone::read("newcomer")).await.unwrap().len(), 1);
        assert_eq!(one.rows(&keystone::read("user-3000")).await.unwrap().len(), 2);

        let two = stage.two.client(KEYSTONE.0, KEYSTONE.1);
        let error = two.run("CREATE DATABASE keystone").await.unwrap_err();
        assert_eq!(server_error(&error), Some(1290), "{error:#}");
        let found = stage.two.rows("SELECT @@gtid_binlog_pos, @@replicate_wild_do_table, @@slave_net_timeout").await;
        assert_eq!(found.unwrap(), [["", "keystone.%,keyward.%", "4"].map(|cell| Some(cell.to_owned()))]);
    }

    #[tokio::test]
    async fn settings_and_hook_hold_no_gap() {
        let stage = Stage::set(&mut Teller::new()).await.unwrap();
        let folder = stage.lab.folder().display().to_string();
        let settings = fs::read_to_string(stage.lab.folder().join("keyward.toml")).unwrap();
        assert!(settings.contains(&stage.one.address()) && settings.contains(&stage.two.address()));
        assert!(settings.contains(&format!("{folder}/state")) && !settings.contains("{f"), "{settings}");
        let status = std::process::Command::new(stage.lab.folder().join("local-auth"))
            .env("KEYWARD_EVENT", "failover")
            .env("KEYWARD_TURN", "1")
            .env("KEYWARD_ATTEMPT", "1")
            .status();
        assert!(status.unwrap().success());
        let runs = stage.hook_runs();
        assert_eq!((runs.len(), runs[0].1.as_str()), (1, "failover"));
        assert!(runs[0].0 > 1.7e9);
    }
}
