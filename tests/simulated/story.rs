//! The readable timeline of a run, kept only when it is asked for: a run is the same with it and without.

use std::collections::VecDeque;

use super::time::Ms;

/// How many lines are kept.
const LINES: usize = 90;

/// The last part of what happened.
#[derive(Debug)]
pub struct Story {
    telling: bool,
    lines: VecDeque<String>,
}

impl Story {
    /// An empty one.
    pub fn new(telling: bool) -> Self {
        Self { telling, lines: VecDeque::new() }
    }

    /// Takes a line down.
    pub fn tell(&mut self, t: Ms, line: impl FnOnce() -> String) {
        if self.telling {
            self.lines.push_back(format!("{:>10.3} s {}", t as f64 / 1_000.0, line()));
            if self.lines.len() > LINES {
                self.lines.pop_front();
            }
        }
    }

    /// The lines.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
