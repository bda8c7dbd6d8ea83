//! `keyward status --watch`: the sheet again and again, drawn over the last one, until Ctrl-C.
//!
//! When the daemon does not answer, that stands above what it said last.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use super::exit::Exit;
use super::output;
use super::sheet::{Sheet, Tone, Words};
use crate::model::time::friendly;
use crate::report::log;

/// How often the daemon is asked.
const EVERY: Duration = Duration::from_secs(1);
/// An answer that takes longer is missed on the screen.
const MISSED: Duration = Duration::from_secs(3);

/// Shows what `look` answers until SIGINT or SIGTERM.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(look: impl Fn() -> anyhow::Result<String> + Send + Sync + 'static, drawn: bool) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
    let drawn = drawn && log::moves(&std::io::stdout());
    let result = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
            result = watch(Arc::new(look), drawn) => result,
        }
    });
    // an answer that is still waited for is nobody's any more
    runtime.shutdown_background();
    if result.is_ok() && drawn {
        // the terminal has written ^C at the beginning of this line
        output::write("\n")?;
    }
    result.map(|()| Exit::Done)
}

async fn watch(
    look: Arc<impl Fn() -> anyhow::Result<String> + Send + Sync + 'static>,
    drawn: bool,
) -> anyhow::Result<()> {
    if drawn {
        // what stands there goes up and out, to be scrolled back to, before the first frame is drawn over it
        output::write(&"\n".repeat(rows()))?;
    }
    let mut shown = Shown { drawn, sheet: String::new(), heard: Instant::now(), trouble: None };
    loop {
        let asked = Arc::clone(&look);
        let mut answer: JoinHandle<anyhow::Result<String>> = spawn_blocking(move || asked());
        let answer = loop {
            match timeout(MISSED, &mut answer).await {
                Ok(answer) => break answer?,
                Err(_) => shown.miss("keyward does not answer".to_owned())?,
            }
        };
        match answer {
            Ok(text) => shown.show(text)?,
            Err(error) => shown.miss(error.to_string())?,
        }
        sleep(EVERY).await;
    }
}

/// What stands on the screen.
struct Shown {
    drawn: bool,
    /// The last answer.
    sheet: String,
    heard: Instant,
    trouble: Option<String>,
}

impl Shown {
    fn show(&mut self, text: String) -> anyhow::Result<()> {
        (self.sheet, self.heard, self.trouble) = (text, Instant::now(), None);
        match self.drawn {
            true => draw(&self.sheet),
            false => output::write(&self.sheet),
        }
    }

    fn miss(&mut self, why: String) -> anyhow::Result<()> {
        if self.drawn {
            let notice = notice(&why, self.heard.elapsed(), Sheet::for_stdout());
            return draw(&format!("{notice}{}", self.sheet));
        }
        // a program that reads the documents must not find sentences among them, nor people the same one every second
        if self.trouble.as_ref() != Some(&why) {
            super::complain(&format!("keyward: {why}"));
            self.trouble = Some(why);
        }
        Ok(())
    }
}

fn notice(why: &str, silent: Duration, mut sheet: Sheet) -> String {
    let silent = Duration::from_secs(silent.as_secs());
    let head = if silent.is_zero() { "NO ANSWER:".to_owned() } else { format!("NO ANSWER for {}:", friendly(silent)) };
    sheet.line(2, Words::new().unit(Tone::Bad, &head).say(Tone::Plain, why));
    sheet.line(2, Words::new().say(Tone::Warning, "What stands below is old."));
    sheet.gap();
    sheet.into_text()
}

fn draw(text: &str) -> anyhow::Result<()> {
    output::write(&frame(text, rows()))
}

/// How tall the terminal is.
fn rows() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_row > 0 => usize::from(size.ws_row),
        _ => 24,
    }
}

/// One write that goes over what stands there, line by line, so that nothing flickers; what a window of `rows` lines
/// cannot hold is counted in its last line.
fn frame(text: &str, rows: usize) -> String {
    // the last row holds the cursor
    let room = rows.saturating_sub(1).max(2);
    let lines: Vec<&str> = text.lines().collect();
    let kept = if lines.len() > room { room - 1 } else { lines.len() };
    // a word that is longer than the window is cut off: wrapped by the terminal, it would push the first line out
    let mut frame = "\x1b[?7l\x1b[H".to_owned();
    for line in &lines[..kept] {
        // cleared first: behind a line that fills the window, the last character would go with the rest
        frame.push_str("\x1b[2K");
        frame.push_str(line);
        frame.push('\n');
    }
    if kept < lines.len() {
        frame.push_str(&format!("\x1b[2K  ({} more lines; make it taller)\n", lines.len() - kept));
    }
    frame.push_str("\x1b[J\x1b[?7h");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_overwrites_every_line_and_never_scrolls() {
        assert_eq!(frame("a\nb\n", 24), "\x1b[?7l\x1b[H\x1b[2Ka\n\x1b[2Kb\n\x1b[J\x1b[?7h");
        let tall: String = (0..30).map(|line| format!("{line}\n")).collect();
        let drawn = frame(&tall, 10);
        assert_eq!(drawn.matches('\n').count(), 9, "{drawn:?}");
        assert!(drawn.contains("7\n\x1b[2K  (22 more lines;"), "{drawn:?}");
        assert_eq!(frame(&tall, 31).matches('\n').count(), 30);
        assert!(!drawn.contains("\x1b[2J"), "clearing first is what flickers");
    }

    #[test]
    fn a_daemon_that_is_gone_is_said_above_what_it_said_last() {
        let said = notice("keyward is not running", Duration::from_millis(75_400), Sheet::new(80, false));
        assert_eq!(said, "NO ANSWER for 1m 15s: keyward is not running\nWhat stands below is old.\n\n");
    }
}
