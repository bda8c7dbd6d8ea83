//! The documents tell the truth: settings, defaults, reasons, gates, verdicts, metrics, commands, hooks, rooms, links.
//!
//! Whether the sentences around the tables are true, no test can tell.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory;
use keyward::cli::args::Cli;
use keyward::model::hook::{HookEvent, HookKind, HookRun, HookSpec};
use keyward::model::{Gate, Phase, Reason, RegionName, Severity, Verdict};
use regex::Regex;

#[path = "common/exposed.rs"]
mod exposed;
#[path = "common/headings.rs"]
mod headings;

use headings::anchors;

const DOCUMENTS: [&str; 6] =
    ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/runbook.md", "docs/metrics.md", "docs/region.md"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// The rows of the table under a heading of the README, cell by cell, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = read("README.md");
    let section = text.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let rows: Vec<Vec<String>> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(rows.len() > 2, "{heading} has no table");
    rows[2..].to_vec()
}

/// A cell's text between its backticks.
fn code(cell: &str) -> String {
    cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).unwrap_or(cell).to_owned()
}

/// The sample's keys in full, each with its default as it is written; `none` where it says that there is none.
fn sample() -> BTreeMap<String, String> {
    let head = pattern(r"^#?\[+([a-z_.]+)\]+$");
    let key = pattern(r"^#?([a-z_]+) = (.+)$");
    let (mut keys, mut table, mut comment) = (BTreeMap::new(), String::new(), String::new());
    let mut in_comment = false;
    for line in read("examples/keyward.toml").lines() {
        if let Some(found) = head.captures(line) {
            table = format!("{}.", &found[1]);
        } else if let Some(found) = key.captures(line) {
            in_comment = false;
            let default = if comment.contains("No default.") { "none" } else { &found[2] };
            // another table of a list repeats keys of the first one; the default stands there
            keys.entry(format!("{table}{}", &found[1])).or_insert(default.to_owned());
        } else if let Some(text) = line.strip_prefix("# ") {
            if !in_comment {
                comment.clear();
            }
            in_comment = true;
            comment.push_str(text);
        }
    }
    keys
}

#[test]
fn the_table_of_settings_is_the_sample() {
    let told: BTreeMap<String, String> = table("Settings").iter().map(|row| (code(&row[0]), code(&row[1]))).collect();
    let sample = sample();
    assert!(sample.len() > 40, "the sample was not read: {sample:?}");
    assert_eq!(told, sample);
}

#[test]
fn the_table_of_reasons_is_the_closed_list() {
    let told: Vec<(String, String)> =
        table("What proves life").iter().map(|row| (code(&row[0]), row[1].clone())).collect();
    let yes_or_no = |reason: Reason| if reason.is_evidence() { "yes" } else { "no" };
    let known: Vec<(String, String)> =
        Reason::ALL.iter().map(|reason| (reason.code().to_owned(), yes_or_no(*reason).to_owned())).collect();
    assert_eq!(told, known);
}

#[test]
fn the_table_of_gates_is_the_closed_list() {
    let told: Vec<(String, String)> = table("Gates").iter().map(|row| (code(&row[0]), row[2].clone())).collect();
    let passes = |gate: Gate| if gate.holds_against_force() { "no" } else { "yes" };
    let known: Vec<(String, String)> =
        Gate::ALL.iter().map(|gate| (gate.code().to_owned(), passes(*gate).to_owned())).collect();
    assert_eq!(told, known);
}

#[test]
fn every_verdict_has_its_heading_with_its_severity() {
    let text = read("docs/runbook.md");
    let heading = pattern(r"(?m)^## (\w+)\n\*(\w+)\.\*");
    let told: Vec<(String, String)> =
        heading.captures_iter(&text).map(|found| (found[1].to_owned(), found[2].to_owned())).collect();
    let severity = |verdict: Verdict| match verdict.severity() {
        Severity::Fine => "fine",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    let known: Vec<(String, String)> =
        Verdict::ALL.iter().map(|verdict| (verdict.code().to_owned(), severity(*verdict).to_owned())).collect();
    assert_eq!(told, known);
    assert_eq!(text.matches("\n## ").count(), Verdict::ALL.len(), "a heading that is no verdict");
}

#[test]
fn no_document_names_a_metric_that_is_not_exposed() {
    let kind = pattern(r"(?m)^# TYPE (keyward_\w+) ");
    let text = exposed::exposed();
    let exposed: BTreeSet<&str> = kind.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(exposed.len() > 25, "{exposed:?}");
    // the name of an account in the settings
    let other = ["keyward_repl"];
    for document in DOCUMENTS {
        for found in pattern(r"\bkeyward_\w+").find_iter(&read(document)) {
            let name = found.as_str();
            assert!(exposed.contains(name) || other.contains(&name), "{document}: {name} is no metric");
        }
    }
}

#[test]
fn the_table_of_commands_is_the_command_line() {
    let told: BTreeSet<String> = table("Commands").iter().map(|row| code(&row[0])).collect();
    let cli = Cli::command();
    let known: BTreeSet<String> =
        cli.get_subcommands().map(|command| format!("keyward {}", command.get_name())).collect();
    assert_eq!(told, known);
    let names: BTreeSet<&str> = cli.get_subcommands().map(|command| command.get_name()).collect();
    for document in ["README.md", "docs/runbook.md", "docs/region.md"] {
        for found in pattern(r"(?:^|sudo |`|&& )keyward ([a-z][a-z-]+)\b").captures_iter(&read(document)) {
            // sentences that keyward says
            let quoted = ["is", "needs"].contains(&&found[1]);
            assert!(quoted || names.contains(&found[1]), "{document}: there is no `keyward {}`", &found[1]);
        }
    }
}

#[test]
fn flags_in_the_documents_exist() {
    let cli = Cli::command();
    let mut flags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let global: BTreeSet<String> = cli.get_arguments().filter_map(|flag| flag.get_long()).map(str::to_owned).collect();
    for command in cli.get_subcommands() {
        let own = command.get_arguments().filter_map(|flag| flag.get_long()).map(str::to_owned);
        flags.insert(command.get_name().to_owned(), own.chain(global.clone()).collect());
    }
    for document in ["README.md", "docs/runbook.md", "docs/region.md"] {
        for found in pattern(r"\bkeyward ([a-z][a-z-]+)((?: [^`\n&#]+)?)").captures_iter(&read(document)) {
            let Some(known) = flags.get(&found[1]) else { continue };
            for flag in pattern(r" --([a-z][a-z-]+)").captures_iter(&found[2]) {
                assert!(known.contains(&flag[1]), "{document}: `keyward {}` has no --{}", &found[1], &flag[1]);
            }
        }
    }
}

#[test]
fn the_table_of_a_hooks_environment_is_what_a_hook_is_told() {
    let kind = HookKind::Exec { command: vec![] };
    let run = HookRun {
        spec: HookSpec { name: "h".into(), kind, timeout: Duration::from_secs(1), optional: false },
        event: HookEvent::Test,
        episode: "e".into(),
        turn: 1,
        attempt: 1,
        region: RegionName("RegionTwo".into()),
        phase: Phase::Remote,
        master_region: RegionName("RegionOne".into()),
        master_address: "10.0.0.1:3306".into(),
        reason: "why".into(),
        data_age: None,
        manual: false,
    };
    let known: BTreeSet<String> = run.members().keys().map(|name| format!("KEYWARD_{}", name.to_uppercase())).collect();
    let told: BTreeSet<String> = table("Hooks").iter().map(|row| code(&row[0])).collect();
    assert_eq!(told, known);
}

#[test]
fn every_room_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            assert!(map.contains(&format!("**`src/{name}/`**")), "src/{name} is not in the code map");
        }
    }
    for found in pattern(r"`((?:src|tests|sql|docs|examples|systemd|benches)/[\w./-]+)`").captures_iter(&map) {
        assert!(root().join(&found[1]).exists(), "ARCHITECTURE.md names {}, which is not there", &found[1]);
    }
}

#[test]
fn relative_links_lead_somewhere() {
    let mut seen = 0;
    for document in DOCUMENTS {
        let path = root().join(document);
        for found in pattern(r"\]\(([^)\s]+)\)").captures_iter(&read(document)) {
            let link = &found[1];
            if link.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{document}: {link} leads nowhere");
            assert!(
                heading.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(heading),
                "{document}: {link} has no such heading"
            );
        }
    }
    assert!(seen > 20, "links were not read");
}
