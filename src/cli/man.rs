//! `keyward man`: the manual pages, made from the command line's own descriptions and from the sample of the settings.

mod settings;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Arg, ArgAction, Args, Command, CommandFactory, ValueEnum};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::args::Cli;
use super::exit::Exit;
use super::output;
use crate::report::VERSION;

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

/// The first lines of a page: its name, the day of the release, and that no word is parted: a path or a flag that is cut in
/// two cannot be copied.
fn title(name: &str, section: &str) -> String {
    const RELEASES: &str = include_str!("../../debian/changelog");
    let newest = RELEASES.lines().find_map(|line| line.strip_prefix(" -- ")?.split_once(">  ")).map(|(_, at)| at);
    let day = newest.and_then(|at| jiff::fmt::rfc2822::parse(at).ok()).map(|at| at.strftime("%F").to_string());
    let day = day.unwrap_or_default();
    format!(".TH {name} {section} \"{day}\" \"keyward {VERSION}\" Keyward\n.nh\n.ad l\n")
}

/// Lines that stay as they are.
fn example(page: &mut Roff, lines: &[&str]) {
    page.control("PP", []);
    page.control("nf", []);
    for line in lines {
        page.text([roman(format!("    {}", line.trim_start()))]);
    }
    page.control("fi", []);
}

/// keyward(1)
fn program() -> anyhow::Result<String> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = title("keyward", "1").into_bytes();
    clap_mangen::Man::new(command.clone()).render_name_section(&mut page)?;
    let mut rest = Roff::new();
    rest.control("SH", ["SYNOPSIS"]);
    let words =
        [bold("keyward"), roman(" [OPTIONS] "), italic("COMMAND"), roman(" ["), italic("ARGUMENTS"), roman("]")];
    rest.text(words);
    rest.control("SH", ["DESCRIPTION"]);
    for (place, paragraph) in DESCRIPTION.iter().enumerate() {
        if place > 0 {
            rest.control("PP", []);
        }
        rest.text([roman(*paragraph)]);
    }
    rest.control("SH", ["OPTIONS"]);
    // those of the program itself; every command takes them
    command.get_arguments().for_each(|argument| self::argument(&mut rest, argument));
    rest.control("SH", ["COMMANDS"]);
    command.get_subcommands().for_each(|command| self::command(&mut rest, command));
    let lists = [("EXIT STATUS", EXITS), ("SIGNALS", SIGNALS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)];
    for (heading, entries) in lists {
        rest.control("SH", [heading]);
        for (term, text) in entries {
            rest.control("TP", []);
            rest.text([bold(*term)]);
            rest.text([roman(*text)]);
        }
    }
    rest.control("SH", ["EXAMPLES"]);
    for (place, (what, line)) in EXAMPLES.iter().enumerate() {
        if place > 0 {
            rest.control("PP", []);
        }
        rest.text([roman(*what)]);
        example(&mut rest, &[line]);
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
        line.push_str(if matches!(argument.get_action(), ArgAction::Append) { "..." } else { "" });
    }
    page.control("SS", [line.as_str()]);
    if let Some(about) = command.get_about() {
        page.text([roman(format!("{about}."))]);
    }
    let own = |argument: &&Arg| !argument.is_global_set() && argument.get_id() != "help";
    command.get_arguments().filter(own).for_each(|argument| self::argument(page, argument));
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for paragraph in help.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let lines: Vec<&str> = paragraph.lines().collect();
        if lines.iter().all(|line| line.starts_with("  ")) {
            example(page, &lines);
        } else {
            page.control("PP", []);
            page.text([roman(lines.join(" "))]);
        }
    }
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
    let default: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if argument.get_action().takes_values() && !default.is_empty() {
        text.push(roman(format!(" By default {}.", default.join(", "))));
    }
    if argument.get_long().is_some() && argument.is_required_set() {
        text.push(roman(" Required."));
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
const SIGNALS: &[(&str, &str)] = &[
    ("SIGTERM, SIGINT", "The daemon ends. What it was about to do it does when it is started again."),
    ("SIGHUP", "The daemon reads its settings again and takes in [regions.failover] of each region."),
];
const EXAMPLES: &[(&str, &str)] = &[
    ("Look at the regions until Ctrl-C:", "keyward status --watch"),
    ("What has happened this night?", "keyward events --since 8h"),
    (
        "Before work on RegionOne's network, so that nothing turns by itself:",
        "keyward pause --for 2h --reason \"change 4711\"",
    ),
    ("RegionTwo is to authenticate locally now, as a drill:", "keyward failover RegionTwo --reason drill"),
    ("And home again:", "keyward failback RegionTwo --reason \"drill is over\""),
];
const ENVIRONMENT: &[(&str, &str)] = &[
    ("KEYWARD_CONFIG", "The settings file, where --config does not name one."),
    ("KEYWARD__HTTP__LISTEN and the like", "One setting each; they win over the file."),
    (
        "KEYWARD_MASTER_ADMIN_PASSWORD, KEYWARD_REPLICA_ADMIN_PASSWORD",
        "Passwords of the administrators that setup, doctor and catalog-merge log in as.",
    ),
    ("KEYWARD_FROM_PASSWORD", "The password of the user at catalog-merge --from."),
    ("CREDENTIALS_DIRECTORY", "Where password files without a slash in their names are looked up; systemd sets it."),
    ("NO_COLOR", "When it is not empty, nothing is written in colour; nor where TERM is dumb."),
];
const FILES: &[(&str, &str)] = &[
    ("/etc/keyward/keyward.toml", "The settings."),
    ("/etc/keyward/hooks", "Hooks of an administrator."),
    ("/var/lib/keyward", "What must outlive a restart: the phase of each region, stamps of replicas, events."),
    ("/run/keyward/control.sock", "The socket on which the daemon is spoken to."),
];

#[cfg(test)]
mod tests;
