//! The command line: every command and its flags. What they do stands in one file a command.

mod catalog;
mod doctor;
mod setup;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::man::Man;
use super::since::Since;
use super::switch::{SWITCH_AUTH_HELP, SwitchAuth};
use crate::config::duration;
use crate::model::{RegionName, ReplicaName};

pub use catalog::{CatalogMerge, FromTls};
pub use doctor::{Doctor, Fingerprint};
pub use setup::{Kind, Rate, Setup};

const EXITS: &str = "Ends with 0 when it is done or healthy, 1 when it failed or was refused, 2 on bad arguments or \
    settings, and 3 when something is degraded. `keyward man | man -l -` shows the manual.";

/// Keeps every other OpenStack region signing its users in when RegionOne is gone.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, max_term_width = 80, arg_required_else_help = true, after_help = EXITS)]
pub struct Cli {
    /// The settings file [env: KEYWARD_CONFIG] [default: /etc/keyward/keyward.toml].
    #[arg(long, global = true, value_name = "FILE", display_order = 900)]
    pub config: Option<PathBuf>,
    /// Say more: errors come with what led to them.
    #[arg(short, long, global = true, display_order = 901)]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground.
    Run,
    /// Check the settings and say what was read.
    Check,
    /// Set replication up: show the missing steps, then do them.
    Setup(Setup),
    /// Show how the regions stand.
    Status(Status),
    /// Show what happened lately.
    Events(Events),
    /// Let a region authenticate locally now.
    Failover(Turn),
    /// Let a region authenticate at the master's region again.
    Failback(Turn),
    /// Stop acting; looking goes on.
    Pause(Pause),
    /// Act again.
    Resume(Resume),
    /// Leave a replica's server to a human.
    Release(Release),
    /// Take a released replica's server back.
    Adopt(Adopt),
    /// Run every hook of a region once with the event `test`.
    HookTest(HookTest),
    /// Compare the rows of master and replica; 3 when they differ.
    Verify(Verify),
    /// Point the configuration files of services at another Keystone, or back.
    #[command(after_help = SWITCH_AUTH_HELP)]
    SwitchAuth(SwitchAuth),
    /// Join a second cloud's catalogue into the master's, as a region of its own.
    CatalogMerge(CatalogMerge),
    /// Look for what would go wrong in an outage; 3 when something would.
    Doctor(Doctor),
    /// Print fingerprints of this host's Keystone keys, for `doctor` on the other side; never the keys.
    Fingerprint(Fingerprint),
    /// Play an outage on two real servers in a temporary folder.
    Demo(Demo),
    /// Print a shell's completions.
    Completions(Completions),
    /// Print the manual pages.
    Man(Man),
}

impl Command {
    /// The command's name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Run => "run",
            Command::Check => "check",
            Command::Setup(_) => "setup",
            Command::Status(_) => "status",
            Command::Events(_) => "events",
            Command::Failover(_) => "failover",
            Command::Failback(_) => "failback",
            Command::Pause(_) => "pause",
            Command::Resume(_) => "resume",
            Command::Release(_) => "release",
            Command::Adopt(_) => "adopt",
            Command::HookTest(_) => "hook-test",
            Command::Verify(_) => "verify",
            Command::SwitchAuth(_) => "switch-auth",
            Command::CatalogMerge(_) => "catalog-merge",
            Command::Doctor(_) => "doctor",
            Command::Fingerprint(_) => "fingerprint",
            Command::Demo(_) => "demo",
            Command::Completions(_) => "completions",
            Command::Man(_) => "man",
        }
    }
}

/// `keyward status`
#[derive(Debug, Args)]
pub struct Status {
    /// Print the document of `/api/v1/status`; with --watch one line each time.
    #[arg(long)]
    pub json: bool,
    /// Show it every second until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
}

/// `keyward events`
#[derive(Debug, Args)]
pub struct Events {
    /// Print one JSON object an event, each on a line of its own.
    #[arg(long)]
    pub json: bool,
    /// Only what happened since then: how long ago, like 1h, or the time in UTC, like "2026-11-22 05:03".
    #[arg(long, allow_hyphen_values = true, value_name = "WHEN")]
    pub since: Option<Since>,
}

/// `keyward failover`, `keyward failback`
#[derive(Debug, Args)]
pub struct Turn {
    /// The region.
    #[arg(value_parser = region)]
    pub region: RegionName,
    /// Do it although not everything speaks for it.
    #[arg(long)]
    pub force: bool,
    /// Why; kept in the log and the events.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// `keyward pause`
#[derive(Debug, Args)]
pub struct Pause {
    /// The region; every region when left out.
    #[arg(value_parser = region)]
    pub region: Option<RegionName>,
    /// For how long, like 30m or 2h; until `resume` when left out.
    #[arg(long = "for", allow_hyphen_values = true, value_name = "DURATION", value_parser = duration::parse)]
    pub span: Option<Duration>,
    /// Why; kept in the log and the events.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// `keyward resume`
#[derive(Debug, Args)]
pub struct Resume {
    /// The region; every region when left out.
    #[arg(value_parser = region)]
    pub region: Option<RegionName>,
}

/// `keyward release`
#[derive(Debug, Args)]
pub struct Release {
    /// The region, or one replica of it.
    #[arg(value_name = "REGION[/REPLICA]")]
    pub place: Place,
    /// Why; kept in the log and the events.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// `keyward adopt`
#[derive(Debug, Args)]
pub struct Adopt {
    /// The region, or one replica of it.
    #[arg(value_name = "REGION[/REPLICA]")]
    pub place: Place,
}

/// `keyward hook-test`
#[derive(Debug, Args)]
pub struct HookTest {
    /// The region.
    #[arg(value_parser = region)]
    pub region: RegionName,
}

/// `keyward verify`
#[derive(Clone, Debug, Default, Args)]
pub struct Verify {
    /// Only this region, or one replica of it.
    #[arg(long, value_name = "REGION[/REPLICA]")]
    pub region: Option<Place>,
}

/// `keyward demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// End when the story is told, with 0 only if every step held.
    #[arg(long)]
    pub once: bool,
    /// Tell it of the users of two real Keystones, which `make keystones` fetches: the one of Debian 12, or the newest.
    #[arg(long, value_name = "RELEASE", num_args = 0..=1, default_missing_value = "debian")]
    pub keystone: Option<Keystone>,
}

/// A release of Keystone that the demo runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keystone {
    /// Keystone 22 of Debian 12.
    Debian,
    /// The newest that the project tests with.
    Newest,
}

/// `keyward completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// A region, or one replica of it: `REGION` or `REGION/REPLICA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: RegionName,
    /// The replica; all of the region's when absent.
    pub replica: Option<ReplicaName>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, replica) = match text.split_once('/') {
            Some((_, "")) => return Err("a replica's name must follow the slash".into()),
            Some((place, replica)) => (place, Some(ReplicaName(replica.to_owned()))),
            None => (text, None),
        };
        Ok(Place { region: region(place)?, replica })
    }
}

fn region(text: &str) -> Result<RegionName, String> {
    if text.trim().is_empty() {
        Err("a region's name must not be empty".into())
    } else {
        Ok(RegionName(text.to_owned()))
    }
}

fn reason(text: &str) -> Result<String, String> {
    const LONGEST: usize = 500;
    let text = text.trim();
    if text.is_empty() {
        return Err("a reason must not be empty: it is what the next person on duty reads".into());
    }
    if text.chars().any(char::is_control) || text.chars().count() > LONGEST {
        return Err(format!("a reason is one line of at most {LONGEST} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_parser_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_place_is_a_region_or_one_replica_of_it() {
        let place: Place = "RegionTwo/r2-db1".parse().unwrap();
        assert_eq!((place.region.0.as_str(), place.replica), ("RegionTwo", Some(ReplicaName("r2-db1".into()))));
        assert_eq!("RegionTwo".parse::<Place>().unwrap().replica, None);
        for text in ["", "/", "RegionTwo/", "/r2-db1"] {
            assert!(text.parse::<Place>().is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn a_pause_takes_a_duration_as_the_settings_do() {
        let cli =
            Cli::try_parse_from(["keyward", "pause", "RegionTwo", "--for", "1h 30m", "--reason", "kernel"]).unwrap();
        match cli.command {
            Command::Pause(pause) => assert_eq!(pause.span, Some(Duration::from_secs(5_400))),
            other => panic!("parsed as {other:?}"),
        }
    }
}
