//! Pointing configuration files of OpenStack services at another Keystone: the text of a file in, the same text with
//! other authentication URLs out. Pure: who reads and writes the files is `act::switch`.
//!
//! A file is never parsed into something and written anew. It is read just well enough to find the bytes of each URL,
//! and only these are replaced.

pub mod address;
pub mod edit;
pub mod ini;
pub mod plan;
pub mod python;
pub mod url;

use std::ops::Range;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sections and options, as oslo.config and paste.deploy read them.
    Ini,
    /// Horizon's settings, a Python program.
    Python,
}

impl Kind {
    /// Told by the file's own name: `*.py`, and Red Hat's and kolla's `local_settings`.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.ends_with(".py") || name.contains("local_settings") { Kind::Python } else { Kind::Ini }
    }
}

/// Where a part of a URL stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its bytes.
    pub span: Range<usize>,
    /// The option or variable.
    pub key: String,
    /// Its line, from 1.
    pub line: usize,
}

/// A part of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Where it stands; `None` when the program that reads the file adds it.
    pub site: Option<Site>,
}

/// An authentication URL as a file gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The section; empty in a Python file.
    pub section: String,
    /// The option or variable.
    pub key: String,
    /// Its line, from 1.
    pub line: usize,
    /// Its parts in order, or why they cannot be told.
    pub value: Result<Vec<Piece>, &'static str>,
}

/// The authentication URLs of a file, in order.
pub fn entries(text: &[u8], kind: Kind) -> Vec<Entry> {
    match kind {
        Kind::Ini => ini::entries(text),
        Kind::Python => python::entries(text),
    }
}

/// The lines of a text: the number from 1, and the bytes without the line's end.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut at = 0;
    text.split_inclusive(|byte| *byte == b'\n').enumerate().map(move |(index, line)| {
        let start = at;
        at += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // some editors begin a file with a byte order mark
        let mark = if index == 0 && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        (index + 1, start + mark..start + line.len())
    })
}

/// A span without the white space at its ends.
fn trimmed(text: &[u8], span: Range<usize>) -> Range<usize> {
    let bytes = &text[span.clone()];
    let start = span.start + bytes.len() - bytes.trim_ascii_start().len();
    let end = span.end - (bytes.len() - bytes.trim_ascii_end().len());
    start..end.max(start)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horizons_settings_are_known_by_their_own_name() {
        for path in ["/x/local_settings", "local_settings.py", "/etc/local_settings.d/_9998-kolla-settings.py"] {
            assert_eq!(Kind::of(path), Kind::Python, "{path}");
        }
        for path in ["/etc/nova/nova.conf", "/etc/local_settings.d/nova.conf", "/etc/nova.pyx"] {
            assert_eq!(Kind::of(path), Kind::Ini, "{path}");
        }
    }
}
