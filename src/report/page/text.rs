//! Texts of the page: safe, short, and worded alike everywhere.

use std::fmt::{Display, Write};

use jiff::{SignedDuration, Timestamp};

use crate::model::time::{friendly_seconds, stamp};

/// The most characters of one text that came from outside; servers' messages have up to 1,024.
const MOST_CHARS: usize = 400;

/// Text that is safe between tags and inside quoted attributes, and not longer than a person reads.
pub fn escaped(text: &str) -> String {
    shortened(text, MOST_CHARS)
}

/// The same with at most `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for (index, c) in text.chars().enumerate() {
        if index == most {
            // the last one gives way to the sign that there was more
            out.push('…');
            break;
        }
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || turns_text_around(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Marks that make the rest of a line read from right to left, or hide it.
fn turns_text_around(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of a list of facts; `text` is HTML.
pub fn entry(page: &mut String, name: &str, text: &str) {
    let _ = writeln!(page, "<dt>{name}</dt><dd>{text}</dd>");
}

/// A word that stands out.
pub fn tag(class: &str, word: &str) -> String {
    format!("<span class=\"tag {class}\">{}</span>", escaped(word))
}

/// A word for what is true, false, or not known.
pub fn state(value: Option<bool>, yes: &str, no: &str) -> String {
    match value {
        Some(true) => yes.to_owned(),
        Some(false) => tag("critical", no),
        None => "not known".to_owned(),
    }
}

/// A duration, or that there is none.
pub fn age(value: Option<f64>) -> String {
    value.map_or("not known".to_owned(), friendly_seconds)
}

/// When something is due: the time, and how far away that is.
pub fn due(at: Timestamp, now: Option<Timestamp>) -> String {
    let left = now.map(|now| at.duration_since(now)).filter(|left| *left > SignedDuration::ZERO);
    match left {
        Some(left) => format!("{} (in {})", when(at), friendly_seconds(left.as_secs_f64().round().max(1.0))),
        None => format!("{} (now)", when(at)),
    }
}

/// How long ago something was.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    friendly_seconds(now.duration_since(at).as_secs() as f64)
}

/// A point in time that programs can read too.
pub fn when(at: Timestamp) -> String {
    marked(at, stamp(at))
}

/// The same; the date is left out when it is that of `now`.
pub fn clock(at: Timestamp, now: Option<Timestamp>) -> String {
    let today = now.is_some_and(|now| now.strftime("%F").to_string() == at.strftime("%F").to_string());
    marked(at, if today { at.strftime("%H:%M:%S").to_string() } else { stamp(at) })
}

fn marked(at: Timestamp, words: impl Display) -> String {
    format!("<time datetime=\"{}\">{words}</time>", at.strftime("%FT%TZ"))
}
