//! The rules for Prometheus: complete, well said, and each tried by promtool where it fires and where it must not.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use keyward::lab::skip::skip;
use keyward::model::Verdict;
use regex::Regex;

use crate::headings::anchors;
use crate::{exposed, read, root};

const RULES: &str = "grafana/alerts/keyward.rules";
const CASES: &str = "tests/telemetry/alerts.test.yml";

/// Each alert with its text in the file.
fn alerts() -> BTreeMap<String, String> {
    let text = read(RULES);
    let found: BTreeMap<String, String> = text
        .split("\n      - ")
        .filter_map(|rule| rule.strip_prefix("alert: "))
        .map(|rule| rule.split_once('\n').unwrap())
        .map(|(name, body)| (name.to_owned(), body.split("\n  - name:").next().unwrap().to_owned()))
        .collect();
    assert_eq!(found.len(), text.matches("- alert:").count(), "an alert stands twice");
    assert!(found.len() > 30, "the rules were not read");
    found
}

fn one<'a>(body: &'a str, key: &str) -> &'a str {
    let pattern = Regex::new(&format!(r"(?m)^ +{key}: (.+)$")).unwrap();
    pattern.captures(body).unwrap_or_else(|| panic!("no {key}:\n{body}")).get(1).unwrap().as_str()
}

#[test]
fn every_alert_says_where_what_and_what_to_do_first() {
    let headings = anchors(&read("docs/runbook.md"));
    let form = Regex::new("^Keyward([A-Z][a-z]+)+$").unwrap();
    let severity = Regex::new(r"labels: \{ severity: (critical|warning|info) \}").unwrap();
    for (name, body) in alerts() {
        assert!(form.is_match(&name), "{name}");
        assert!(severity.is_match(&body), "{name} has no severity");
        let of_a_region =
            !["KeywardDown", "KeywardMissing", "KeywardStalled", "KeywardDoctorFindings"].contains(&name.as_str());
        let words = format!("{} {}", one(&body, "summary"), one(&body, "description"));
        assert!(!of_a_region || words.contains("{{ $labels.region }}"), "{name} does not name the region");
        assert!(one(&body, "description").contains("irst "), "{name} does not say what to do first");
        let heading = one(&body, "runbook_url").split_once("/docs/runbook.md#").unwrap().1;
        assert!(headings.contains(heading), "{name}: the runbook has no heading {heading}");
    }
}

#[test]
fn every_diagnosis_has_its_alert_and_no_rule_names_what_is_not_there() {
    let rules = read(RULES);
    for verdict in Verdict::ALL {
        // the first is no trouble, and the second is over, or another, within `unreachable_after`
        let quiet = matches!(verdict, Verdict::Healthy | Verdict::MasterSilent);
        // these two have a number of their own
        let counted = match verdict {
            Verdict::ErrantTransactions => rules.contains("keyward_replica_errant_transactions > 0"),
            Verdict::RowsDiffer => rules.contains("keyward_verify_differing_tables > 0"),
            _ => false,
        };
        let named = rules.contains(&format!("verdict=\"{}\"", verdict.code()));
        assert_eq!(named || counted, !quiet, "{}", verdict.code());
    }
    let exposed = exposed::exposed();
    for found in Regex::new(r"\bkeyward_[a-z_]+\b[^:]").unwrap().find_iter(&rules) {
        let name = found.as_str().trim_end_matches(|c: char| !c.is_ascii_lowercase());
        let group = rules.contains(&format!("- name: {name}\n"));
        assert!(group || exposed.contains(&format!("# TYPE {name} ")), "{name} is no metric");
    }
}

#[test]
fn promtool_accepts_every_rule_and_every_case() {
    let cases = read(CASES);
    for name in alerts().keys() {
        for end in ["fires", "stays quiet"] {
            assert!(cases.contains(&format!("  - name: {name} {end}\n")), "no case in which {name} {end}");
        }
        let expected = format!("alertname: {name}\n        exp_alerts:\n          - exp_labels:");
        assert!(cases.contains(&expected), "{name} is never expected");
    }
    for arguments in [["check", "rules", RULES], ["test", "rules", CASES]] {
        let output = match Command::new("promtool").args(arguments).current_dir(root()).output() {
            Ok(output) => output,
            Err(error) => return skip(&format!("promtool (Debian package `prometheus`) cannot be started: {error}")),
        };
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && !said.contains("FAILED"), "promtool {arguments:?}:\n{said}");
    }
}

#[test]
fn alertmanager_accepts_what_the_readme_tells_it_and_every_alert_in_it_exists() {
    let readme = read("README.md");
    let block =
        readme.split("```yaml\n").find(|block| block.starts_with("route:")).unwrap().split("```").next().unwrap();
    let alerts = alerts();
    let named: BTreeSet<&str> = Regex::new("Keyward[A-Za-z]+").unwrap().find_iter(block).map(|m| m.as_str()).collect();
    assert!(named.len() > 4, "{block}");
    for name in named {
        assert!(alerts.contains_key(name), "{name} is no alert");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, block).unwrap();
    match Command::new("amtool").arg("check-config").arg(&file).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => skip(&format!("amtool (Debian package `prometheus-alertmanager`) cannot be started: {error}")),
    }
}

#[test]
fn nobody_takes_a_resting_daemon_for_one_that_is_stuck() {
    let rest = keyward::report::systemd::LONGEST_REST.as_secs();
    let patience = |text: &str, before: &str| -> u64 {
        let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("no {before}"));
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
    };
    let alert = alerts().remove("KeywardStalled").unwrap();
    assert!(patience(&alert, "- keyward_last_tick_timestamp_seconds > ") >= 3 * rest);
    assert!(patience(&read("systemd/keyward.service"), "WatchdogSec=") >= 3 * rest);
}
