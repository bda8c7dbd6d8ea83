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
    let mut taken = BTreeSet::new();
    for panel in list(&dashboard, "panels") {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{} is too wide", panel["title"]);
        for cell in (at("y")..at("y") + at("h")).flat_map(|y| (at("x")..at("x") + at("w")).map(move |x| (x, y))) {
            assert!(taken.insert(cell), "{} covers another panel", panel["title"]);
        }
    }
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
}

#[test]
fn questions_match_job_and_instance_and_count_by_the_rate_interval() {
    let dashboard = dashboard();
    let exposed = exposed::exposed();
    let [selector, counted, range] = [
        r"\b((?:keyward|process)_\w+)\{([^}]*)\}",
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
            let known = exposed.contains(&format!("# TYPE {family} "));
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
