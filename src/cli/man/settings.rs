//! keyward.toml(5), read off the sample of the settings.

use std::collections::BTreeSet;

use clap_mangen::roff::{Roff, bold, italic, roman};

const SAMPLE: &str = include_str!("../../../examples/keyward.toml");
const NONE: &str = "No default.";

/// A line of the sample.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Comment(&'a str),
    Table(&'a str),
    Key(&'a str, &'a str),
    Empty,
}

fn read(line: &str) -> Line<'_> {
    if let Some(text) = line.strip_prefix("# ") {
        return Line::Comment(text);
    }
    // what is commented out begins right behind the sign
    let line = line.strip_prefix('#').unwrap_or(line);
    if line.starts_with('[') {
        return Line::Table(line);
    }
    line.split_once(" = ").map_or(Line::Empty, |(key, value)| Line::Key(key, value))
}

/// The page.
pub fn page() -> String {
    let mut page = Roff::new();
    page.control("SH", ["NAME"]);
    page.text([roman("keyward.toml - settings of keyward")]);
    page.control("SH", ["DESCRIPTION"]);
    let (head, tables) = SAMPLE.split_once("\n\n").unwrap_or((SAMPLE, ""));
    for (place, paragraph) in head.split("\n#\n").skip(1).enumerate() {
        if place > 0 {
            page.control("PP", []);
        }
        page.text([roman(joined(paragraph.lines().filter_map(|line| line.strip_prefix("# "))))]);
    }
    page.control("SH", ["SETTINGS"]);
    blocks(tables).iter().for_each(|block| block.write(&mut page));
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("keyward"), roman("(1), /usr/share/doc/keyward/README.md")]);
    format!("{}{}", super::title("keyward.toml", "5"), page.to_roff())
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.collect::<Vec<_>>().join(" ")
}

/// What a comment of the sample stands above.
struct Block<'a> {
    comment: Vec<&'a str>,
    of: Of<'a>,
}

enum Of<'a> {
    Table(&'a str),
    Keys(Vec<(&'a str, &'a str)>),
}

fn blocks(tables: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut comment, mut known) = (Vec::<Block<'_>>::new(), Vec::new(), BTreeSet::new());
    let mut table = "";
    for line in tables.lines() {
        match read(line) {
            Line::Comment(text) => comment.push(text),
            Line::Table(name) => {
                table = name;
                blocks.push(Block { comment: std::mem::take(&mut comment), of: Of::Table(name) });
            }
            Line::Key(key, value) => {
                let first = known.insert((table, key));
                match blocks.last_mut() {
                    // another table of a list repeats keys without a word
                    _ if comment.is_empty() && !first => {}
                    // keys below one comment share it
                    Some(Block { of: Of::Keys(keys), .. }) if comment.is_empty() => keys.push((key, value)),
                    _ => blocks.push(Block { comment: std::mem::take(&mut comment), of: Of::Keys(vec![(key, value)]) }),
                }
            }
            Line::Empty => comment.clear(),
        }
    }
    blocks
}

impl Block<'_> {
    fn write(&self, page: &mut Roff) {
        let text = self.comment.join(" ");
        match &self.of {
            Of::Table(name) => {
                page.control("SS", [*name]);
                page.text([roman(text)]);
            }
            Of::Keys(keys) => {
                for (place, (key, value)) in keys.iter().enumerate() {
                    page.control(if place == 0 { "TP" } else { "TQ" }, []);
                    page.text([bold(*key), roman(" = "), italic(*value)]);
                }
                let text = match text.contains(NONE) {
                    true => text.replace(NONE, "No default; this is an example."),
                    false => format!("{text} This is the default."),
                };
                page.text([roman(text)]);
            }
        }
    }
}
