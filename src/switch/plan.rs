//! What has to be replaced in one file, and what speaks against it.

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::address::{Points, Turn, Turns};
use super::url::{Url, masked};
use super::{Entry, Kind, Piece, edit, entries, ini};

/// One place in a file whose text is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The section; empty in a Python file.
    pub section: String,
    /// The option or variable.
    pub key: String,
    /// Its line, from 1.
    pub line: usize,
    /// Where its value begins, in bytes from the beginning of the file as it was.
    pub at: usize,
    /// The value as it was.
    pub before: String,
    /// The value that takes its place.
    pub after: String,
}

/// An authentication URL that points at neither address, or cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The section; empty in a Python file.
    pub section: String,
    /// The option or variable.
    pub key: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is the matter with it, to stand behind its name; no secrets.
    pub what: String,
}

/// What is to be done in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How many authentication URLs point at `--from`.
    pub from: usize,
    /// How many point at `--to`.
    pub to: usize,
    /// The rest.
    pub others: Vec<Other>,
    /// What is replaced, in order.
    pub edits: Vec<Edit>,
    /// Other lines that name the host of `--from`: the option, and the number of the line. They stay as they are.
    pub mentions: Vec<(String, usize)>,
}

/// Plans the switch of one file.
pub fn plan(text: &[u8], kind: Kind, turns: &Turns) -> Plan {
    let mut plan = Plan::default();
    let all = entries(text, kind);
    for entry in &all {
        match replaced(entry, turns) {
            Ok(None) => plan.to += 1,
            Ok(Some(edits)) => {
                plan.from += 1;
                plan.edits.extend(edits);
            }
            Err(what) => {
                let (section, key) = (entry.section.clone(), entry.key.clone());
                plan.others.push(Other { section, key, line: entry.line, what });
            }
        }
    }
    plan.edits.sort_by_key(|edit| edit.at);
    // two URLs may be made from one variable
    plan.edits.dedup();
    if let Some(clash) = plan.edits.windows(2).find(|pair| pair[0].at + pair[0].before.len() > pair[1].at) {
        let what = "is a part of several URLs that need different hosts".to_owned();
        let (section, key, line) = (clash[0].section.clone(), clash[0].key.clone(), clash[0].line);
        plan.others.push(Other { section, key, line, what });
        plan.edits.clear();
        plan.from = 0;
    }
    let known = known(&all);
    let hosts: HashSet<&str> = turns.iter().map(|turn| turn.from.host()).collect();
    plan.mentions = ini::others(text, &hosts, &known);
    prove(text, kind, turns, &mut plan);
    plan
}

/// The bytes of all URLs.
fn known(entries: &[Entry]) -> Vec<Range<usize>> {
    let pieces = entries.iter().filter_map(|entry| entry.value.as_ref().ok()).flatten();
    pieces.filter_map(|piece| piece.site.as_ref().map(|site| site.span.clone())).collect()
}

/// Reads the result like a file of its own: every URL that was to be switched must be so, and no other have moved.
fn prove(text: &[u8], kind: Kind, turns: &Turns, plan: &mut Plan) {
    if plan.edits.is_empty() {
        return;
    }
    let count = |text: &[u8]| {
        let (mut from, mut to, mut others) = (0, 0, Vec::new());
        for entry in entries(text, kind) {
            match replaced(&entry, turns) {
                Ok(None) => to += 1,
                Ok(Some(_)) => from += 1,
                Err(what) => others.push((entry.line, what)),
            }
        }
        (from, to, others)
    };
    let before = count(text);
    let after = count(&edit::apply(text, &plan.edits));
    if after != (0, before.0 + before.1, before.2) {
        let first = &plan.edits[0];
        let what = "cannot be switched without another URL going with it, which does not point at --from".to_owned();
        let (section, key, line) = (first.section.clone(), first.key.clone(), first.line);
        plan.others.push(Other { section, key, line, what });
        plan.edits.clear();
        plan.from = 0;
    }
}

/// What is replaced in an entry that points at `--from`; `None` when it points at `--to`; else what is the matter.
fn replaced(entry: &Entry, turns: &Turns) -> Result<Option<Vec<Edit>>, String> {
    let pieces = entry.value.as_ref().map_err(|why| format!("cannot be read: {why}"))?;
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let Some(url) = Url::parse(&text) else {
        return lone_host(entry, &text, pieces, turns);
    };
    match turns.points(&url, &text) {
        Points::To => Ok(None),
        Points::Elsewhere => Err(format!("points at {}", masked(&text))),
        Points::From(turn) => {
            let parts = turn.replacements(&url, &text);
            edits(entry, pieces, parts).ok_or_else(|| unwritten(turn)).map(Some)
        }
    }
}

fn unwritten(turn: &Turn) -> String {
    format!("points at {}, but a part that {} would change is not written in this file", turn.from, turn.to)
}

fn lone_host(entry: &Entry, text: &str, pieces: &[Piece], turns: &Turns) -> Result<Option<Vec<Edit>>, String> {
    if text.contains(['/', '$', '%', '{', ' ']) || !text.is_ascii() || !entry.section.is_empty() {
        return Err("is no plain URL".to_owned());
    }
    match turns.host_points(text) {
        Points::To => Ok(None),
        Points::Elsewhere => Err(format!("names the host {}", masked(text))),
        Points::From(turn) => {
            let parts = vec![(0..text.len(), turn.host().to_owned())];
            edits(entry, pieces, parts).ok_or_else(|| unwritten(turn)).map(Some)
        }
    }
}

/// Replacements in the URL as replacements in the file; `None` when a part stands nowhere in it, or in two places.
fn edits(entry: &Entry, pieces: &[Piece], parts: Vec<(Range<usize>, String)>) -> Option<Vec<Edit>> {
    let mut texts: Vec<String> = pieces.iter().map(|piece| piece.text.clone()).collect();
    // from the end, so that the positions before stay true
    for (span, new) in parts.into_iter().rev() {
        let mut end = texts.iter().map(String::len).sum::<usize>();
        let mut place = None;
        for (index, text) in texts.iter().enumerate().rev() {
            let start = end - text.len();
            // what is added between two pieces belongs to the later one, which holds the port and the path
            if start <= span.start && span.end <= end && pieces[index].site.is_some() {
                place = Some((index, span.start - start..span.end - start));
                break;
            }
            end = start;
        }
        let (index, inner) = place?;
        texts[index].replace_range(inner, &new);
    }
    let changed = pieces.iter().zip(texts).filter(|(piece, text)| piece.text != **text);
    changed
        .map(|(piece, after)| {
            let site = piece.site.as_ref()?;
            Some(Edit {
                section: entry.section.clone(),
                key: site.key.clone(),
                line: site.line,
                at: site.span.start,
                before: piece.text.clone(),
                after,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(from: &[&str], to: &[&str], text: &str) -> Plan {
        let read = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        plan(text.as_bytes(), Kind::Python, &Turns::new(&read(from), &read(to)).unwrap())
    }

    #[test]
    fn a_variable_that_two_urls_are_made_from_is_replaced_once_and_never_with_two_texts() {
        let text = "OPENSTACK_HOST = 'one'\nOPENSTACK_KEYSTONE_URL = 'http://%s:5000/v3' % OPENSTACK_HOST\n\
                    WEBSSO_KEYSTONE_URL = 'https://%s:5001/v3' % OPENSTACK_HOST\n";
        let plain = planned(&["one"], &["two"], text);
        assert_eq!((plain.from, plain.edits.len(), plain.others.len()), (2, 1, 0), "{plain:?}");
        let ports = planned(&["one:5000", "one:5001"], &["two:6000", "two:6001"], text);
        assert_eq!((ports.edits.len(), ports.others.len()), (3, 0), "{ports:?}");
        let apart = planned(&["one:5000", "one:5001"], &["two:5000", "three:5001"], text);
        assert!(apart.edits.is_empty() && apart.others[0].what.contains("different hosts"), "{apart:?}");
        let half = planned(&["one:5000"], &["two:5000"], text);
        assert!(half.edits.is_empty() && half.others.len() == 2, "the other URL would go with it: {half:?}");
    }
}
