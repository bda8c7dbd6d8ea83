//! Replacing, taking it back, and showing it.

use std::fmt::Write as _;

use super::plan::Edit;
use super::url::masked;
use super::{Kind, Piece, entries, lines};

/// The text with every edit made; they are in order and do not overlap.
pub fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len());
    let mut from = 0;
    for edit in edits {
        new.extend_from_slice(&text[from..edit.at]);
        new.extend_from_slice(edit.after.as_bytes());
        from = edit.at + edit.before.len();
    }
    new.extend_from_slice(&text[from..]);
    new
}

/// The text as it was before the edits; `None` when they were not made in this one.
pub fn undo(text: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let mut old = Vec::with_capacity(text.len());
    let mut from = 0_usize;
    for edit in edits {
        // how much is copied is the same on both sides, so the place in the old text tells the place in this one
        let gap = edit.at.checked_sub(old.len())?;
        let kept = text.get(from..from.checked_add(gap)?)?;
        old.extend_from_slice(kept);
        from = (from + gap).checked_add(edit.after.len())?;
        if text.get(from - edit.after.len()..from)? != edit.after.as_bytes() {
            return None;
        }
        old.extend_from_slice(edit.before.as_bytes());
    }
    old.extend_from_slice(text.get(from..)?);
    Some(old)
}

/// What became of one edit in a text that was edited since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It stands there, and is taken back.
    Stands,
    /// The value is what it was before the switch.
    Undone,
    /// The value is another one, and stays.
    Changed,
    /// The option is not there any more.
    Gone,
}

/// Finds each edit again by section and name in a text that was edited since: what takes it back in this text, and
/// what became of each.
pub fn undo_by_name(text: &[u8], kind: Kind, edits: &[Edit]) -> (Vec<Edit>, Vec<Since>) {
    let mut places: Vec<(String, Piece)> = Vec::new();
    for entry in entries(text, kind) {
        let pieces = entry.value.into_iter().flatten().filter(|piece| piece.site.is_some());
        places.extend(pieces.map(|piece| (entry.section.clone(), piece)));
    }
    places.dedup_by(|one, other| one.1.site == other.1.site);
    let mut backs = Vec::new();
    let mut told = Vec::new();
    for edit in edits {
        let named = |(section, piece): &(String, Piece)| {
            *section == edit.section && piece.site.as_ref().is_some_and(|site| site.key == edit.key)
        };
        let found = |value: &str| places.iter().position(|place| named(place) && place.1.text == value);
        let (since, place) = match (found(&edit.after), found(&edit.before)) {
            (Some(place), _) => (Since::Stands, Some(place)),
            (None, Some(place)) => (Since::Undone, Some(place)),
            (None, None) if places.iter().any(named) => (Since::Changed, None),
            (None, None) => (Since::Gone, None),
        };
        told.push(since);
        // each place is taken once: an option may be given several times
        let taken = place.map(|place| places.remove(place).1);
        if let (Since::Stands, Some(Piece { text, site: Some(site) })) = (since, taken) {
            let (section, key) = (edit.section.clone(), edit.key.clone());
            backs.push(Edit {
                section,
                key,
                line: site.line,
                at: site.span.start,
                before: text,
                after: edit.before.clone(),
            });
        }
    }
    backs.sort_by_key(|edit| edit.at);
    (backs, told)
}

/// The lines that change, as `diff -U0` would show them: never a line beside them, which could hold a password.
pub fn diff(path: &str, text: &[u8], edits: &[Edit]) -> String {
    let mut shown = format!("--- {path}\n+++ {path}\n");
    let all: Vec<_> = lines(text).map(|(_, span)| span).collect();
    let mut rest = edits;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|edit| edit.line == first.line).count();
        let (here, later) = rest.split_at(count);
        rest = later;
        let Some(span) = all.get(first.line - 1) else { continue };
        let inside: Vec<Edit> = here.iter().map(|edit| Edit { at: edit.at - span.start, ..edit.clone() }).collect();
        let old = &text[span.clone()];
        let line = |bytes: &[u8]| masked(&String::from_utf8_lossy(bytes));
        let section = if first.section.is_empty() { String::new() } else { format!(" [{}]", first.section) };
        // writing to a String cannot fail
        let _ = writeln!(shown, "@@ -{0} +{0} @@{section}", first.line);
        let _ = writeln!(shown, "-{}\n+{}", line(old), line(&apply(old, &inside)));
    }
    shown
}

/// The edits that take these back, in the text that they made.
pub fn turned_around(edits: &[Edit]) -> Vec<Edit> {
    let (mut longer, mut shorter) = (0, 0);
    let turn = |edit: &Edit| {
        let at = edit.at + longer - shorter;
        longer += edit.after.len();
        shorter += edit.before.len();
        Edit { at, before: edit.after.clone(), after: edit.before.clone(), ..edit.clone() }
    };
    edits.iter().map(turn).collect()
}
