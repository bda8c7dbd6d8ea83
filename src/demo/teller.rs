//! How the story looks: time stamps, marks for steps that held, nothing wider than 80 columns.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

const WIDTH: usize = 80;
const MARGIN: usize = 10;

/// Prints the story and counts the steps that held.
#[derive(Debug)]
pub(super) struct Teller {
    started: Instant,
    colour: bool,
    steps: u32,
}

impl Teller {
    pub(super) fn new() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { started: Instant::now(), colour, steps: 0 }
    }

    /// A line above the story, without a stamp.
    pub(super) fn title(&self, text: &str) {
        self.print(&self.paint("1", text));
    }

    /// Something begins.
    pub(super) fn scene(&self, text: &str) {
        self.print("");
        self.stamped("", text);
    }

    /// A step held.
    pub(super) fn held(&mut self, text: &str) {
        self.steps += 1;
        self.stamped(&self.paint("32", "✓ "), text);
    }

    /// A detail.
    pub(super) fn detail(&self, text: &str) {
        for line in wrap(text, WIDTH - MARGIN) {
            self.print(&format!("{:MARGIN$}{line}", ""));
        }
    }

    /// Somebody else's words, cut to the width.
    pub(super) fn quote(&self, whose: &str, text: &str) {
        if !whose.is_empty() {
            self.detail(whose);
        }
        for line in text.lines() {
            let line: String = line.chars().filter(|c| !c.is_control()).take(WIDTH - MARGIN - 2).collect();
            self.print(&format!("{:MARGIN$}{}", "", self.paint("2", &format!("| {line}"))));
        }
    }

    /// Steps that held so far.
    pub(super) fn steps(&self) -> u32 {
        self.steps
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn stamped(&self, mark: &str, text: &str) {
        let stamp = self.paint("2", &format!("{:>5.1} s", self.elapsed().as_secs_f64()));
        for (index, line) in wrap(text, WIDTH - MARGIN - 2).into_iter().enumerate() {
            match (index, mark) {
                (0, _) => self.print(&format!("{stamp}  {mark}{line}")),
                (_, "") => self.print(&format!("{:MARGIN$}{line}", "")),
                _ => self.print(&format!("{:MARGIN$}  {line}", "")),
            }
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn print(&self, line: &str) {
        // a reader that has gone away does not end the story
        writeln!(std::io::stdout(), "{line}").ok();
    }
}

/// Lines of at most `width` characters, broken between words; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(last) if line > 0 && line + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            Some(last) if line == 0 => last.push_str(word),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A number with thousands apart: `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut said = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_numbers_read_well() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible a", 5), ["incomprehensible", "a"]);
        assert_eq!([7, 999, 1_000, 1_234_567].map(thousands), ["7", "999", "1,000", "1,234,567"]);
    }
}
