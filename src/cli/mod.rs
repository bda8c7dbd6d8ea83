//! The command line: arguments in, one command done, an exit code out. What a command does stands in its own file.

pub mod admin;
pub mod args;
pub mod catalog;
pub mod check;
pub mod completions;
pub mod control;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod fingerprint;
pub mod man;
pub mod meter;
pub mod output;
pub mod render;
pub mod run;
pub mod setup;
pub mod sheet;
pub mod since;
pub mod switch;
pub mod verify;
pub mod watch;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use exit::Exit;
use output::ReaderLeft;

use crate::config;
use crate::model::command::Command as Request;

/// The whole program: reads the arguments, does the command, says what failed.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error).into(),
    };
    let verbose = cli.verbose;
    match dispatch(&cli) {
        Ok(exit) => exit.into(),
        Err(error) => failed(&error, verbose).into(),
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    match &cli.command {
        Command::Check => check::run(cli.config.as_deref()),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::Run => run::run(cli.config.as_deref()),
        Command::Demo(args) => demo::run(args),
        Command::Fingerprint(args) => fingerprint::command(args),
        Command::Doctor(args) => doctor::command(cli.config.as_deref(), args),
        Command::CatalogMerge(args) => catalog::command(cli.config.as_deref(), args),
        Command::Setup(args) => setup::command(cli.config.as_deref(), args),
        Command::SwitchAuth(args) => switch::run(args),
        Command::Verify(args) => verify::command(cli.config.as_deref(), args),
        asked => {
            let settings = config::load_without_files(cli.config.as_deref())?;
            ask(&settings.control_socket, asked)
        }
    }
}

/// The commands that the running daemon carries out.
fn ask(socket: &Path, asked: &Command) -> anyhow::Result<Exit> {
    let request = match asked {
        Command::Status(args) => return control::status(socket, args.json, args.watch),
        Command::Events(args) => return control::events(socket, args.json, args.since),
        Command::Failover(args) => {
            Request::Failover { region: args.region.clone(), force: args.force, reason: args.reason.clone() }
        }
        Command::Failback(args) => {
            Request::Failback { region: args.region.clone(), force: args.force, reason: args.reason.clone() }
        }
        Command::Pause(args) => Request::Pause {
            region: args.region.clone(),
            seconds: args.span.map(|span| span.as_secs()),
            reason: args.reason.clone(),
        },
        Command::Resume(args) => Request::Resume { region: args.region.clone() },
        Command::Release(args) => Request::Release {
            region: args.place.region.clone(),
            replica: args.place.replica.clone(),
            reason: args.reason.clone(),
        },
        Command::Adopt(args) => {
            Request::Adopt { region: args.place.region.clone(), replica: args.place.replica.clone() }
        }
        Command::HookTest(args) => Request::HookTest { region: args.region.clone() },
        // every other one was done before anybody was asked
        other => anyhow::bail!("the daemon knows no command `{}`", other.name()),
    };
    control::command(socket, &request)
}

/// What clap has to say: help and version on stdout, anything wrong as one line.
fn misused(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // a reader that left early is no failure
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::BadInput
        }
        _ => {
            complain(&format!("keyward: {}", one_line(&error.render().to_string())));
            Exit::BadInput
        }
    }
}

/// Clap's message and its tips without the usage that follows.
fn one_line(rendered: &str) -> String {
    let told = rendered.split("\nUsage:").next().unwrap_or(rendered);
    let mut sentence = String::new();
    for line in told.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("tip:") || line.starts_with('[') {
            sentence.push(';');
        }
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        sentence.push_str(line.strip_prefix("error: ").unwrap_or(line));
    }
    match sentence.strip_suffix("For more information, try '--help'.") {
        Some(start) => start.trim_end().to_owned(),
        None => sentence,
    }
}

fn failed(error: &anyhow::Error, verbose: bool) -> Exit {
    if error.is::<ReaderLeft>() {
        return Exit::Done;
    }
    for line in error.to_string().lines() {
        complain(&format!("keyward: {line}"));
    }
    if verbose {
        for cause in error.chain().skip(1) {
            complain(&format!("  because: {}", cause.to_string().replace('\n', "; ")));
        }
    }
    Exit::of(error)
}

/// A line on stderr; when nobody can read it, there is nobody left to tell.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
