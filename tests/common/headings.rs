//! The headings of a document, as links name them.

use std::collections::BTreeSet;

use regex::Regex;

/// What GitHub makes of each heading of a text.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let heading = Regex::new(r"(?m)^#+ (.+)$").unwrap();
    heading.captures_iter(text).map(|found| anchor(&found[1])).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c)).collect::<String>();
    kept.trim().replace(' ', "-")
}
