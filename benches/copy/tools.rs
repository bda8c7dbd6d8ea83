//! The tools that copy, each as the commands it takes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use keyward::lab::Server;
use keyward::lab::program::find;

/// What copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Keyward,
    Dump,
    Mydumper,
}

impl Tool {
    pub const ALL: [Tool; 3] = [Tool::Keyward, Tool::Dump, Tool::Mydumper];

    pub fn name(self) -> &'static str {
        match self {
            Tool::Keyward => "keyward setup",
            Tool::Dump => "mariadb-dump | mariadb",
            Tool::Mydumper => "mydumper, myloader",
        }
    }

    /// What is run one after the other, as root through the servers' sockets.
    pub fn commands(self, master: &Server, replica: &Server, folder: &Path) -> anyhow::Result<Vec<Command>> {
        let (from, to) = (master.socket().display().to_string(), replica.socket().display().to_string());
        let mut commands = match self {
            Tool::Keyward => {
                let settings = folder.join("keyward.toml");
                fs::write(&settings, settings_text(master, replica, folder)).context("write the settings")?;
                let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
                command.arg("--config").arg(settings).args(["setup", "--master-admin", &from, "--replica-admin", &to]);
                command.envs([("KEYWARD_MASTER_ADMIN_PASSWORD", ""), ("KEYWARD_REPLICA_ADMIN_PASSWORD", "")]);
                vec![command]
            }
            Tool::Dump => {
                find("mariadb-dump", "mariadb-client")?;
                let mut command = Command::new("bash");
                let pipe = "set -o pipefail; mariadb-dump --no-defaults -uroot -S \"$0\" --single-transaction --databases keystone \
                    | mariadb --no-defaults -uroot -S \"$1\" --init-command='SET SESSION sql_log_bin = 0'";
                command.args(["-c", pipe, &from, &to]);
                vec![command]
            }
            Tool::Mydumper => {
                let dump = folder.join("dump").display().to_string();
                let mut writes = Command::new(find("mydumper", "mydumper")?);
                writes.args([
                    "-u",
                    "root",
                    "-S",
                    &from,
                    "-B",
                    "keystone",
                    "-o",
                    &dump,
                    "-t",
                    "4",
                    "--trx-consistency-only",
                ]);
                let mut reads = Command::new(find("myloader", "mydumper")?);
                reads.args(["-u", "root", "-S", &to, "-d", &dump, "-t", "4"]);
                vec![writes, reads]
            }
        };
        for command in &mut commands {
            command.stdin(Stdio::null()).stdout(if self == Tool::Keyward { Stdio::piped() } else { Stdio::null() });
            if self == Tool::Mydumper {
                // it warns of what is asked of it
                command.stderr(Stdio::null());
            }
        }
        Ok(commands)
    }
}

fn settings_text(master: &Server, replica: &Server, folder: &Path) -> String {
    let state = folder.join("state");
    let state = state.display();
    let (master, replica) = (master.address(), replica.address());
    format!(
        r#"state_dir = "{state}"
[control]
socket = "{state}/control.sock"
[account]
password = "own"
[tls]
mode = "disabled"
[replication]
password = "link"
[replication.tls]
mode = "disabled"
[master]
addresses = ["{master}"]
[[regions]]
name = "RegionTwo"
[[regions.replicas]]
name = "replica"
address = "{replica}"
"#
    )
}
