//! Horizon's settings: assignments at the margin of a Python program, of which only plain ones are understood.

use std::ops::Range;

use super::{Entry, Piece, Site, lines, trimmed};

/// Variables that hold the URL of a Keystone.
const URLS: [&str; 2] = ["OPENSTACK_KEYSTONE_URL", "WEBSSO_KEYSTONE_URL"];

/// The variable that usually holds its host.
const HOST: &str = "OPENSTACK_HOST";

const UNCLEAR: &str = "it is written in a way that keyward does not understand";
const SHARED: &str = "it is made from a variable that other lines use too";

/// `name = expression` at the margin.
struct Assignment<'a> {
    name: &'a str,
    line: usize,
    expression: Range<usize>,
}

/// The authentication URLs of a file, in order.
pub fn entries(text: &[u8]) -> Vec<Entry> {
    let assignments = assignments(text);
    let mut used = Vec::new();
    let mut entries = Vec::new();
    for assignment in assignments.iter().filter(|one| URLS.contains(&one.name)) {
        if is_none(text, assignment) {
            continue;
        }
        let value = evaluated(text, &assignments, assignment, &mut used);
        entries.push(entry(assignment, value));
    }
    let hosts = if used.contains(&HOST) { &[] } else { assignments.as_slice() };
    for assignment in hosts.iter().filter(|one| one.name == HOST) {
        let value = evaluated(text, &assignments, assignment, &mut used);
        entries.push(entry(assignment, value));
    }
    entries.sort_by_key(|entry| entry.line);
    entries
}

fn entry(assignment: &Assignment<'_>, value: Result<Vec<Piece>, &'static str>) -> Entry {
    Entry { section: String::new(), key: assignment.name.to_owned(), line: assignment.line, value }
}

fn is_none(text: &[u8], assignment: &Assignment<'_>) -> bool {
    matches!(&text[assignment.expression.clone()], b"None" | b"\"\"" | b"''")
}

fn assignments(text: &[u8]) -> Vec<Assignment<'_>> {
    let mut found = Vec::new();
    for (line, span) in lines(text) {
        let bytes = &text[span.clone()];
        let length = bytes.iter().take_while(|byte| is_name(**byte)).count();
        let rest = bytes[length..].trim_ascii_start();
        let Ok(name) = std::str::from_utf8(&bytes[..length]) else { continue };
        if length > 0 && rest.starts_with(b"=") && !rest.starts_with(b"==") {
            let start = span.end - rest.len() + 1;
            found.push(Assignment { name, line, expression: without_comment(text, trimmed(text, start..span.end)) });
        }
    }
    found
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// An expression without the comment behind it.
fn without_comment(text: &[u8], span: Range<usize>) -> Range<usize> {
    let mut quote = None;
    for (at, byte) in text[span.clone()].iter().enumerate() {
        match (quote, byte) {
            (None, b'#') => return trimmed(text, span.start..span.start + at),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    span
}

/// A part of an expression.
enum Token<'a> {
    /// A text in quotes: whether it is an f-string, its bytes, their place.
    Text(bool, &'a str, Range<usize>),
    Name(&'a str),
    Sign(u8),
}

fn tokens(text: &[u8], span: Range<usize>) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut at = span.start;
    while at < span.end {
        let byte = text[at];
        let prefixed = matches!(byte, b'f' | b'u' | b'F' | b'U') && matches!(text.get(at + 1), Some(b'"' | b'\''));
        if byte == b' ' {
            at += 1;
        } else if prefixed || matches!(byte, b'"' | b'\'') {
            let start = at + 1 + usize::from(prefixed);
            let length = text[start..span.end].iter().position(|next| *next == text[start - 1])?;
            let inner = std::str::from_utf8(&text[start..start + length]).ok()?;
            let many_lines = length == 0 && text.get(start + 1) == Some(&text[start - 1]);
            if inner.contains('\\') || many_lines {
                return None;
            }
            tokens.push(Token::Text(matches!(byte, b'f' | b'F'), inner, start..start + length));
            at = start + length + 1;
        } else if is_name(byte) {
            let length = text[at..span.end].iter().take_while(|next| is_name(**next)).count();
            tokens.push(Token::Name(std::str::from_utf8(&text[at..at + length]).ok()?));
            at += length;
        } else {
            tokens.push(Token::Sign(byte));
            at += 1;
        }
    }
    Some(tokens)
}

/// The value of an assignment as pieces, with the variables that it is made from noted in `used`.
fn evaluated<'a>(
    text: &'a [u8],
    assignments: &[Assignment<'a>],
    assignment: &Assignment<'a>,
    used: &mut Vec<&'a str>,
) -> Result<Vec<Piece>, &'static str> {
    let tokens = tokens(text, assignment.expression.clone()).ok_or(UNCLEAR)?;
    let here = |inner: &str, span: Range<usize>| Piece {
        text: inner.to_owned(),
        site: Some(Site { span, key: assignment.name.to_owned(), line: assignment.line }),
    };
    let mut variable = |name: &'a str| {
        let piece = constant(text, assignments, name)?;
        if uses(text, name) > assignments.iter().filter(|one| one.name == name || URLS.contains(&one.name)).count() {
            return Err(SHARED);
        }
        used.push(name);
        Ok(piece)
    };
    match tokens.as_slice() {
        [Token::Text(false, inner, span)] => Ok(vec![here(inner, span.clone())]),
        [Token::Text(true, inner, span)] => {
            let (start, rest) = inner.split_once('{').ok_or(UNCLEAR)?;
            let (name, end) = rest.split_once('}').ok_or(UNCLEAR)?;
            let name = assignments.iter().find(|one| one.name == name.trim()).ok_or(UNCLEAR)?.name;
            around(here, (start, end, span.clone()), variable(name)?)
        }
        [Token::Text(false, inner, span), Token::Sign(b'%'), name @ ..] => {
            let (start, end) = inner.split_once("%s").ok_or(UNCLEAR)?;
            around(here, (start, end, span.clone()), variable(alone(name)?)?)
        }
        [Token::Text(false, inner, span), Token::Sign(b'.'), Token::Name("format"), name @ ..] => {
            let (start, end) = inner.split_once("{}").or_else(|| inner.split_once("{0}")).ok_or(UNCLEAR)?;
            around(here, (start, end, span.clone()), variable(alone(name)?)?)
        }
        sum => {
            let mut pieces = Vec::new();
            for (index, token) in sum.iter().enumerate() {
                match (index % 2, token) {
                    (0, Token::Text(false, inner, span)) => pieces.push(here(inner, span.clone())),
                    (0, Token::Name(name)) => pieces.push(variable(name)?),
                    (1, Token::Sign(b'+')) => {}
                    _ => return Err(UNCLEAR),
                }
            }
            if sum.len() % 2 == 1 { Ok(pieces) } else { Err(UNCLEAR) }
        }
    }
}

/// The name of `NAME`, `(NAME)` or `(NAME,)`.
fn alone<'a>(tokens: &[Token<'a>]) -> Result<&'a str, &'static str> {
    match tokens {
        [Token::Name(name)]
        | [Token::Sign(b'('), Token::Name(name), Token::Sign(b')')]
        | [Token::Sign(b'('), Token::Name(name), Token::Sign(b','), Token::Sign(b')')] => Ok(name),
        _ => Err(UNCLEAR),
    }
}

/// A text with a variable in its middle.
fn around(
    here: impl Fn(&str, Range<usize>) -> Piece,
    (start, end, span): (&str, &str, Range<usize>),
    variable: Piece,
) -> Result<Vec<Piece>, &'static str> {
    if [start, end].iter().any(|part| part.contains(['%', '{', '}'])) {
        return Err(UNCLEAR);
    }
    let first = here(start, span.start..span.start + start.len());
    Ok(vec![first, variable, here(end, span.end - end.len()..span.end)])
}

/// The text that a variable is given, once in the whole file.
fn constant(text: &[u8], assignments: &[Assignment<'_>], name: &str) -> Result<Piece, &'static str> {
    let mut given = assignments.iter().filter(|one| one.name == name);
    let (Some(one), None) = (given.next(), given.next()) else { return Err(UNCLEAR) };
    match tokens(text, one.expression.clone()).ok_or(UNCLEAR)?.as_slice() {
        [Token::Text(false, inner, span)] => {
            let site = Site { span: span.clone(), key: one.name.to_owned(), line: one.line };
            Ok(Piece { text: (*inner).to_owned(), site: Some(site) })
        }
        _ => Err(UNCLEAR),
    }
}

/// How many lines name a variable outside of comments.
fn uses(text: &[u8], name: &str) -> usize {
    let names = |span: Range<usize>| {
        let bytes = &text[without_comment(text, span)];
        let mut places = bytes.windows(name.len()).enumerate().filter(|(_, word)| *word == name.as_bytes());
        places.any(|(at, _)| {
            let part = |byte: Option<&u8>| byte.is_some_and(|byte| is_name(*byte));
            (at == 0 || !part(bytes.get(at - 1))) && !part(bytes.get(at + name.len()))
        })
    };
    lines(text).filter(|(_, span)| names(span.clone())).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, usize, String)> {
        let told = |entry: Entry| {
            let value = match entry.value {
                Ok(pieces) => pieces.iter().map(|piece| piece.text.as_str()).collect(),
                Err(why) => format!("? {why}"),
            };
            (entry.key, entry.line, value)
        };
        entries(text.as_bytes()).into_iter().map(told).collect()
    }

    #[test]
    fn a_url_is_read_in_each_way_that_people_write_it() {
        for expression in [
            "\"http://10.0.0.1:5000/v3\"",
            "'http://10.0.0.1:5000/v3'  # Keystone's",
            "\"http://%s:5000/v3\" % OPENSTACK_HOST",
            "'http://%s:5000/v3' % (OPENSTACK_HOST,)",
            "\"http://{}:5000/v3\".format(OPENSTACK_HOST)",
            "f\"http://{OPENSTACK_HOST}:5000/v3\"",
            "\"http://\" + OPENSTACK_HOST + ':5000/v3'",
        ] {
            let text =
                format!("OPENSTACK_HOST = \"10.0.0.1\"\n# OPENSTACK_HOST\nOPENSTACK_KEYSTONE_URL = {expression}\n");
            let url = ("OPENSTACK_KEYSTONE_URL".to_owned(), 3, "http://10.0.0.1:5000/v3".to_owned());
            let told = told(&text);
            assert_eq!(told.last(), Some(&url), "{expression}");
            assert_eq!(told.len(), if expression.contains("HOST") { 1 } else { 2 }, "{expression}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said_and_never_guessed() {
        for expression in
            ["os.environ['X']", "(", "\"http://%s:%s\" % (OPENSTACK_HOST, 5000)", "f'{a}'", "'''x'''", "\"\\x\""]
        {
            let text = format!("OPENSTACK_HOST = \"10.0.0.1\"\nOPENSTACK_KEYSTONE_URL = {expression}\n");
            let told = told(&text);
            assert!(told.iter().any(|(_, _, value)| value.ends_with(UNCLEAR)), "{expression}: {told:?}");
        }
        let shared =
            "OPENSTACK_HOST = \"a\"\nOPENSTACK_KEYSTONE_URL = \"http://%s\" % OPENSTACK_HOST\nX = OPENSTACK_HOST\n";
        assert!(told(shared).iter().any(|(_, _, value)| value.ends_with(SHARED)));
        assert_eq!(told("if OPENSTACK_HOST == \"a\":\n    pass\nWEBSSO_KEYSTONE_URL = None\n"), []);
    }
}
