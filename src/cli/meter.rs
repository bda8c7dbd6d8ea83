//! How far long work is: a bar on a terminal, whole lines now and then elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;

/// How often a line is told when there is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// One piece of work.
#[derive(Debug)]
pub struct Meter {
    terminal: bool,
    style: &'static str,
    told_at: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Meter {
    /// A meter whose bar looks as `style` says, in indicatif's words.
    pub fn new(terminal: bool, style: &'static str) -> Self {
        Self { terminal, style, told_at: None, bar: None }
    }

    /// Shows that `done` of `of` is done: beside the bar `now`, or else `line`, which is told every 5 s, and when it is
    /// the last.
    pub fn show(&mut self, (done, of): (u64, u64), now: &str, last: bool, line: impl FnOnce() -> String) {
        if self.terminal {
            let style = self.style;
            let bar = self.bar.get_or_insert_with(|| bar(style));
            bar.set_length(of);
            bar.set_position(done);
            bar.set_message(now.to_owned());
            return;
        }
        let lately = self.told_at.is_some_and(|at| at.elapsed() < TELL_EVERY);
        if !last && (lately || self.told_at.is_none()) {
            self.told_at.get_or_insert_with(Instant::now);
            return;
        }
        self.told_at = Some(Instant::now());
        // the work goes on although nobody reads any more
        let _ = output::line(&line());
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(style: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    let style = ProgressStyle::with_template(style);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
