//! `keyward man`: the manual pages, made from the command line's own descriptions and from the sample of the settings.

mod settings;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Arg, Args, Command, CommandFactory, ValueEnum};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::args::Cli;
use super::exit::Exit;
use super::output;

/// `keyward man`
#[derive(Debug, Args)]
pub struct Man {
    /// Which page.
    #[arg(value_enum, default_value_t = Page::Keyward)]
    pub page: Page,
    /// Write every page into this folder instead: keyward.1 and keyward.toml.5.
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    pub dir: Option<PathBuf>,
}

/// A page of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// The program: keyward(1).
    Keyward,
    /// Its settings: keyward.toml(5).
    #[value(name = "keyward.toml")]
    Settings,
}

/// Prints a page, or writes every page into a folder.
///
/// # Errors
/// The folder cannot be made or written, or standard output cannot.
pub fn run(args: &Man) -> anyhow::Result<Exit> {
    let Some(folder) = &args.dir else {
        output::write(&page(args.page)?)?;
        return Ok(Exit::Done);
    };
    fs::create_dir_all(folder).map_err(|error| anyhow!("the folder {} cannot be made: {error}", folder.display()))?;
    for (name, page) in [("keyward.1", self::page(Page::Keyward)?), ("keyward.toml.5", self::page(Page::Settings)?)] {
        write(&folder.join(name), &page)?;
    }
    Ok(Exit::Done)
}

fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    fs::write(file, page).map_err(|error| anyhow!("{} cannot be written: {error}", file.display()))
}

fn page(page: Page) -> anyhow::Result<String> {
    match page {
        Page::Keyward => program(),
        Page::Settings => Ok(settings::page()),
    }
}

/// keyward(1)
fn program() -> anyhow::Result<String> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let man = clap_mangen::Man::new(command.clone()).manual("Keyward").section("1");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    let mut rest = Roff::new();
    rest.control("SH", ["SYNOPSIS"]);
    let words =
        [bold("keyward"), roman(" [OPTIONS] "), italic("COMMAND"), roman(" ["), italic("ARGUMENTS"), roman("]")];
    rest.text(words);
    rest.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        rest.control("PP", []);
        rest.text([roman(*paragraph)]);
    }
    rest.control("SH", ["OPTIONS"]);
    // those of the program itself; every command takes them
    command.get_arguments().for_each(|argument| self::argument(&mut rest, argument));
    rest.control("SH", ["COMMANDS"]);
    command.get_subcommands().for_each(|command| self::command(&mut rest, command));
    for (heading, entries) in [("EXIT STATUS", EXITS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        rest.control("SH", [heading]);
        for (term, text) in entries {
            rest.control("TP", []);
            rest.text([bold(*term)]);
            rest.text([roman(*text)]);
        }
    }
    rest.control("SH", ["SEE ALSO"]);
    rest.text([bold("keyward.toml"), roman("(5), /usr/share/doc/keyward/README.md")]);
    rest.to_writer(&mut page)?;
    Ok(String::from_utf8(page)?)
}

fn command(page: &mut Roff, command: &Command) {
    let mut line = format!("keyward {}", command.get_name());
    for argument in command.get_positionals() {
        let name = value(argument);
        line.push_str(&if argument.is_required_set() { format!(" {name}") } else { format!(" [{name}]") });
    }
    page.control("SS", [line.as_str()]);
    if let Some(about) = command.get_about() {
        page.text([roman(format!("{about}."))]);
    }
    let own = |argument: &&Arg| !argument.is_global_set() && argument.get_id() != "help";
    command.get_arguments().filter(own).for_each(|argument| self::argument(page, argument));
}

fn argument(page: &mut Roff, argument: &Arg) {
    let mut head: Vec<Inline> = Vec::new();
    if let Some(short) = argument.get_short() {
        head.extend([bold(format!("-{short}")), roman(", ")]);
    }
    match argument.get_long() {
        Some(long) => head.push(bold(format!("--{long}"))),
        None => head.push(italic(value(argument))),
    }
    if argument.get_long().is_some() && argument.get_action().takes_values() {
        let optional = argument.get_num_args().is_some_and(|count| count.min_values() == 0);
        head.push(roman(if optional { "[=" } else { " " }));
        head.push(italic(value(argument)));
        head.push(roman(if optional { "]" } else { "" }));
    }
    page.control("TP", []);
    page.text(head);
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let mut text = vec![roman(format!("{}.", help.trim_end_matches('.')))];
    let values: Vec<String> = argument.get_possible_values().iter().map(|known| known.get_name().to_owned()).collect();
    if argument.get_action().takes_values() && !values.is_empty() {
        text.push(roman(format!(" One of {}.", values.join(", "))));
    }
    page.text(text);
}

/// What stands for an argument's value.
fn value(argument: &Arg) -> String {
    let named = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    named.unwrap_or_else(|| argument.get_id().as_str().to_uppercase())
}

const DESCRIPTION: &[&str] = &[
    "Keyward is a daemon for OpenStack clouds whose regions share RegionOne's Keystone. Each other region holds a \
     read-only replica of Keystone's database. Keyward sets the replication up, watches it, and keeps the replicas \
     read-only. When RegionOne's master cannot be reached from a region, it runs that region's hooks, so that the region's \
     services authenticate against the region's own Keystone; when RegionOne is back and the replica has caught up, it \
     runs the hooks for the way back.",
    "The daemon is `keyward run`, which systemd starts as keyward.service. The commands that ask it for something speak \
     to it over its unix socket: run them as root.",
];
const EXITS: &[(&str, &str)] = &[
    ("0", "Done, or healthy."),
    ("1", "Failed or refused."),
    ("2", "Bad arguments or settings; nothing was changed."),
    ("3", "Something is degraded (status, doctor), or verify found a difference."),
];
const ENVIRONMENT: &[(&str, &str)] = &[
    ("KEYWARD_CONFIG", "The settings file, where --config does not name one."),
    ("KEYWARD__HTTP__LISTEN and the like", "One setting each; they win over the file."),
    (
        "KEYWARD_MASTER_ADMIN_PASSWORD, KEYWARD_REPLICA_ADMIN_PASSWORD",
        "Passwords of the administrators that setup logs in as.",
    ),
    ("NO_COLOR", "When it is not empty, nothing is written in colour."),
];
const FILES: &[(&str, &str)] = &[
    ("/etc/keyward/keyward.toml", "The settings."),
    ("/var/lib/keyward", "What must outlive a restart: the phase of each region, stamps of replicas, events."),
    ("/run/keyward/control.sock", "The socket on which the daemon is spoken to."),
];

#[cfg(test)]
mod tests;
