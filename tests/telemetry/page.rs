//! `docs/metrics.md` is made from the code: `UPDATE_DOCS=1 cargo test --test telemetry` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use crate::{exposed, read, root};

const HEAD: &str = "# Metrics

What `GET /metrics` can show. Made from the code by `UPDATE_DOCS=1 cargo test --test telemetry`; do not edit.

What was never known has no series. What was known once does not vanish while something is broken: it keeps its last value, or
is NaN while that would mislead. Unknown is never 0.
Labels hold names of the settings and closed sets of words only, never an error's text.

";

#[derive(Default)]
struct Family {
    kind: String,
    help: String,
    labels: BTreeSet<String>,
}

fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let label = regex::Regex::new(r#"(\w+)=""#).unwrap();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            current = name.to_owned();
            families.entry(current.clone()).or_default().help = help.to_owned();
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else {
            let family = families.get_mut(&current).unwrap();
            let labels = label.captures_iter(line).map(|found| found[1].to_owned());
            family.labels.extend(labels.filter(|name| name != "le"));
        }
    }
    families
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| name | type | labels | meaning |\n|---|---|---|---|\n");
    for (name, family) in families(&exposed::exposed()) {
        let labels = family.labels.into_iter().collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| `{name}` | {} | {labels} | {} |", family.kind, family.help.replace('|', "\\|"));
    }
    page
}

#[test]
fn the_page_of_metrics_is_what_is_exposed() {
    let page = page();
    assert!(page.matches("\n| `keyward_").count() > 30, "{page}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join("docs/metrics.md"), &page).unwrap();
    }
    assert_eq!(read("docs/metrics.md"), page, "run UPDATE_DOCS=1 cargo test --test telemetry");
}
