//! The dashboard by the rules of Grafana's own dashboard linter, said once more here, and a few of ours.
//!
//! Whether its questions have answers is asked of a real Prometheus in `tests/drills/monitored.rs`.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;

use crate::{exposed, read};

fn dashboard() -> Value {
    serde_json::from_str(&read("grafana/dashboards/keyward.json")).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Every panel that shows something, with its title.
fn panels(dashboard: &Value) -> Vec<(&str, &Value)> {
    let shown: Vec<_> = list(dashboard, "panels").iter().filter(|panel| panel["type"] != "row").collect();
    assert!(shown.len() > 30, "the panels were not read");
    shown.into_iter().map(|panel| (panel["title"].as_str().unwrap(), panel)).collect()
}

/// Every question, with the title of who asks it.
fn questions(dashboard: &Value) -> Vec<(&str, &str)> {
    let of_panels = panels(dashboard).into_iter().flat_map(|(title, panel)| {
        let targets = list(panel, "targets");
        assert!(!targets.is_empty(), "{title} asks nothing");
        targets.iter().map(move |target| (title, target["expr"].as_str().unwrap()))
    });
    let marks = list(&dashboard["annotations"], "list").iter();
    of_panels.chain(marks.map(|mark| (mark["name"].as_str().unwrap(), mark["expr"].as_str().unwrap()))).collect()
}

#[test]
fn every_panel_has_a_title_a_description_a_unit_and_the_chosen_data_source() {
    let dashboard = dashboard();
    assert_eq!(dashboard["editable"], false);
    let mut titles = BTreeSet::new();
    for (title, panel) in panels(&dashboard) {
        assert!(!title.is_empty() && titles.insert(title), "{title} stands twice");
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title} has no description");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str();
        let known = ["none", "short", "s", "ops", "bytes", "percentunit"];
        assert!(unit.is_some_and(|unit| known.contains(&unit)), "{title} has the unit {unit:?}");
        for target in list(panel, "targets") {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}

#[test]
fn panels_stand_in_the_readers_order_and_none_covers_another() {
    let dashboard = dashboard();
    let rows: Vec<&str> = list(&dashboard, "panels")
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|row| row["title"].as_str().unwrap())
        .collect();
    let order = [
        "Am I safe now?",
        "Replication",
        "Witnesses and probes",
        "Decisions",
        "Hooks",
        "Local logins",
        "The supervisor itself",
    ];
    assert_eq!(rows, order);
    let (mut taken, mut height) = (BTreeSet::new(), 0);
    for panel in list(&dashboard, "panels") {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{} is too wide", panel["title"]);
        height = height.max(at("y") + at("h"));
        for cell in (at("y")..at("y") + at("h")).flat_map(|y| (at("x")..at("x") + at("w")).map(move |x| (x, y))) {
            assert!(taken.insert(cell), "{} covers another panel", panel["title"]);
        }
    }
    assert_eq!(taken.len() as u64, 24 * height, "there is a hole");
}

#[test]
fn variables_choose_source_job_instance_and_region() {
    let dashboard = dashboard();
    let variables = list(&dashboard["templating"], "list");
    let names: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "job", "instance", "region"]);
    assert_eq!((&variables[0]["label"], &variables[0]["query"]), (&"Data source".into(), &"prometheus".into()));
    for (variable, label) in variables[1..].iter().zip(["Job", "Instance", "Region"]) {
        assert_eq!(variable["label"], label);
        assert_eq!(variable["datasource"]["uid"], "${datasource}", "{label}");
        assert_eq!((&variable["multi"], &variable["allValue"]), (&true.into(), &".+".into()), "{label}");
        // anew whenever the time changes, so that what came later can be chosen
        assert_eq!(variable["refresh"], 2, "{label}");
    }
    // each offers what the ones before it leave
    for (place, chosen) in [(2, "job=~\"$job\""), (3, "job=~\"$job\", instance=~\"$instance\"")] {
        let query = variables[place]["query"]["query"].as_str().unwrap();
        assert!(query.contains(chosen), "{query}");
    }
    let marked = dashboard["annotations"]["list"][0]["expr"].as_str().unwrap();
    assert!(marked.contains("region=~\"$region\""), "{marked}");
}

#[test]
fn questions_match_job_and_instance_and_count_by_the_rate_interval() {
    let dashboard = dashboard();
    let exposed = exposed::exposed();
    let [selector, counted, range] = [
        r"\b((?:keyward|process)_\w+|up)\{([^}]*)\}",
        r"\b(?:rate|increase)\(\w+_(?:total|sum|count|bucket)\{",
        r"\[([^]]+)\]",
    ]
    .map(|pattern| Regex::new(pattern).unwrap());
    for (title, question) in questions(&dashboard) {
        let mut metrics = 0;
        for found in selector.captures_iter(question) {
            let (name, matchers) = (&found[1], &found[2]);
            metrics += 1;
            for wanted in ["job=~\"$job\"", "instance=~\"$instance\""] {
                assert!(matchers.contains(wanted), "{title}: {name} does not match {wanted}");
            }
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let known = family == "up" || exposed.contains(&format!("# TYPE {family} "));
            assert!(known, "{title}: {family} is no metric");
        }
        assert!(metrics > 0, "{title} names no metric with matchers: {question}");
        let counters = ["_total{", "_sum{", "_count{", "_bucket{"].iter().map(|end| question.matches(end).count());
        assert_eq!(counters.sum::<usize>(), counted.find_iter(question).count(), "{title}: a counter without its rate");
        for found in range.captures_iter(question) {
            assert!(["$__rate_interval", "$__range", "1d"].contains(&&found[1]), "{title}: [{}]", &found[1]);
        }
    }
}

/// A number that is the last of the chosen time would stay green for hours when the daemon is gone, and an episode would
/// go on when it has ended.
#[test]
fn what_stands_as_now_is_asked_for_now() {
    let dashboard = dashboard();
    for (title, panel) in panels(&dashboard) {
        let now = ["stat", "table"].iter().any(|kind| panel["type"] == *kind);
        for target in list(panel, "targets") {
            assert_eq!((&target["instant"], &target["range"]), (&now.into(), &(!now).into()), "{title}");
        }
    }
    let first: Vec<&str> = panels(&dashboard)[..4].iter().map(|(title, _)| *title).collect();
    assert!(first.contains(&"Keyward answers"), "{first:?}");
}

/// Grafana takes 15 s between scrapes for granted; with kolla's 60 s a rate over its interval would find one sample.
#[test]
fn rates_have_samples_with_a_scrape_a_minute() {
    let dashboard = dashboard();
    for (title, panel) in panels(&dashboard) {
        for target in list(panel, "targets") {
            let rate = target["expr"].as_str().unwrap().contains("$__rate_interval");
            assert!(!rate || target["interval"] == "1m", "{title}");
        }
    }
    assert_eq!(dashboard["annotations"]["list"][0]["step"], "1m");
}

#[test]
fn lines_are_drawn_where_alerts_begin_and_links_lead_to_headings() {
    let (dashboard, rules) = (dashboard(), read("grafana/alerts/keyward.rules"));
    let panels = panels(&dashboard);
    let panel = |wanted: &str| panels.iter().find(|(title, _)| *title == wanted).unwrap().1;
    for (title, step, rule) in [
        ("Lag", 60, "keyward_replica_lag_seconds > 60"),
        ("Age of the data", 3600, "keyward_replica_data_age_seconds > 3600"),
        ("Age of the last round", 30, "keyward_last_tick_timestamp_seconds > 30"),
        ("Outage budget", 86_400, "keyward_replica_outage_budget_seconds < 86400"),
        ("Valid for", 14 * 86_400, "< 14 * 86400"),
    ] {
        assert!(rules.contains(rule), "{title}: no alert says {rule}");
        let steps = list(&panel(title)["fieldConfig"]["defaults"]["thresholds"], "steps");
        assert!(steps.iter().any(|one| one["value"] == step), "{title}: {steps:?}");
    }
    let of = |title: &str| panel(title)["fieldConfig"].to_string();
    assert!(of("Diagnoses that hold").contains("docs/runbook.md#${__value.raw}"));
    assert!(of("Closed gates").contains("README.md#gates") && read("README.md").contains("\n## Gates\n"));
    assert!(of("Keyward answers").contains("http://${__field.labels.instance}/"));
    assert!(list(&dashboard, "links").iter().any(|link| link["title"] == "Runbook"));
}

/// The linter's own exceptions are those that are made here.
#[test]
fn only_the_panels_that_the_linter_is_told_of_count_over_another_time() {
    let (dashboard, told) = (dashboard(), read(".ci/dashboard-lint.yaml"));
    for (title, question) in questions(&dashboard) {
        let other = question.contains("[$__range]") || question.contains("[1d]");
        assert_eq!(other, told.contains(&format!("- panel: {title}\n")), "{title}");
    }
}
