//! The log: one line per event on standard error, for the journal, for machines, or as OpenStack's services write it.
//!
//! Times are UTC. A line never holds a control character, so nothing that a server says can forge another line.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::schema::{Log, LogFormat};
use crate::model::{Event, EventKind, Phase, Severity, Verdict};

/// Begins to log to standard error as the settings say.
///
/// # Errors
/// One sentence when `log.level` is not a level or filter, or when the process logs already.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| anyhow::anyhow!("log.level: {:?} is neither a level nor a filter: {error}", log.level))?;
    let lines = Lines { format: log.format, journal: stderr_is_the_journal() };
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(colours(&io::stderr())).event_format(lines).with_writer(io::stderr);
    tracing_subscriber::registry().with(filter).with(layer).try_init()?;
    Ok(())
}

/// Whether what is written to `stream` may have colours: a terminal that knows them, and no `NO_COLOR`.
pub fn colours(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    moves(stream) && !unwanted
}

/// Whether `stream` is a terminal that understands more than lines.
pub fn moves(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Whether the journal reads standard error, and so adds the time and the host by itself.
fn stderr_is_the_journal() -> bool {
    let Ok(said) = std::env::var("JOURNAL_STREAM") else { return false };
    // the variable is inherited by everything that a service starts; only the numbers tell whose stream it is
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| said == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Writes the log line of an event.
pub fn event(event: &Event) {
    let said = Said::from(event);
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: "keyward::events",
                $level,
                region = event.region.as_ref().map(|region| region.0.as_str()),
                episode = event.episode.as_deref(),
                kind = said.kind,
                from = said.from,
                to = said.to,
                cause = said.cause,
                verdict = said.verdict,
                on = said.on,
                hook = said.hook,
                event = said.event,
                outcome = said.outcome,
                seconds = said.seconds,
                replica = said.replica,
                command = said.command,
                user = said.user,
                "{}",
                event.sentence
            )
        };
    }
    match level(&event.what) {
        Level::ERROR => at!(Level::ERROR),
        Level::WARN => at!(Level::WARN),
        _ => at!(Level::INFO),
    }
}

/// ERROR needs a human now, WARN is wrong but coped with, INFO is the rest.
fn level(what: &EventKind) -> Level {
    match what {
        EventKind::Transition { to: Phase::Suspect | Phase::Switching, .. } => Level::WARN,
        EventKind::Verdict { verdict, on: true } => {
            match Verdict::ALL.iter().find(|known| known.code() == verdict).map(|known| known.severity()) {
                Some(Severity::Critical) => Level::ERROR,
                Some(Severity::Warning) => Level::WARN,
                _ => Level::INFO,
            }
        }
        EventKind::Hook { outcome, .. } if outcome != "ok" => Level::WARN,
        _ => Level::INFO,
    }
}

/// An event's members as fields; those of the other kinds are absent.
#[derive(Default)]
struct Said<'a> {
    kind: &'static str,
    from: Option<&'static str>,
    to: Option<&'static str>,
    cause: Option<&'static str>,
    verdict: Option<&'a str>,
    on: Option<bool>,
    hook: Option<&'a str>,
    event: Option<&'a str>,
    outcome: Option<&'a str>,
    seconds: Option<f64>,
    replica: Option<&'a str>,
    command: Option<&'a str>,
    user: Option<&'a str>,
}

impl<'a> From<&'a Event> for Said<'a> {
    fn from(event: &'a Event) -> Self {
        let none = Said::default();
        match &event.what {
            EventKind::Transition { from, to, cause } => Said {
                kind: "transition",
                from: Some(from.code()),
                to: Some(to.code()),
                cause: Some(cause.code()),
                ..none
            },
            EventKind::Verdict { verdict, on } => {
                Said { kind: "verdict", verdict: Some(verdict), on: Some(*on), ..none }
            }
            EventKind::Hook { hook, event, outcome, seconds } => Said {
                kind: "hook",
                hook: Some(hook),
                event: Some(event),
                outcome: Some(outcome),
                // a millisecond is fine enough for eyes
                seconds: Some((*seconds * 1e3).round() / 1e3),
                ..none
            },
            EventKind::Level { hook } => Said { kind: "level", hook: Some(hook), ..none },
            EventKind::Verified { replica } => Said { kind: "verified", replica: Some(replica), ..none },
            EventKind::Kept { replica } => Said { kind: "kept", replica: Some(replica), ..none },
            EventKind::Command { command, user } => {
                Said { kind: "command", command: Some(command), user: Some(user), ..none }
            }
            EventKind::Daemon => Said { kind: "daemon", ..none },
        }
    }
}

/// How a line is written.
struct Lines {
    format: LogFormat,
    journal: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let colours = writer.has_ansi_escapes();
        let line = self.line(Timestamp::now(), event.metadata(), &parts, colours);
        writeln!(writer, "{line}")
    }
}

impl Lines {
    fn line(&self, at: Timestamp, about: &tracing::Metadata<'_>, parts: &Parts, colours: bool) -> String {
        let level = *about.level();
        let stamp = at.strftime("%Y-%m-%d %H:%M:%S%.3f");
        let text = parts.text();
        let line = match self.format {
            LogFormat::Json => parts.json(at, level, about.target()),
            LogFormat::Oslo => {
                let name = about.target().replace("::", ".");
                format!("{stamp} {} {} {name} [-] {text}", std::process::id(), oslo_level(level))
            }
            LogFormat::Plain if self.journal => text,
            LogFormat::Plain if colours => format!("{stamp}Z {}{level:<5}\x1b[0m {text}", colour(level)),
            LogFormat::Plain => format!("{stamp}Z {level:<5} {text}"),
        };
        // the journal takes the prefix off and keeps it as the line's priority
        if self.journal { format!("<{}>{line}", priority(level)) } else { line }
    }
}

fn oslo_level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// The priority of syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

/// A log event taken apart: the message, and its fields in the order given.
#[derive(Default)]
struct Parts {
    message: String,
    fields: Vec<(&'static str, serde_json::Value)>,
}

impl Parts {
    fn text(&self) -> String {
        let mut text = one_line(&self.message);
        for (name, value) in &self.fields {
            let value = match value {
                serde_json::Value::String(value) if plain(value) => value.clone(),
                value => value.to_string(),
            };
            let _ = write!(text, " {name}={value}");
        }
        text
    }

    fn json(&self, at: Timestamp, level: Level, target: &str) -> String {
        let mut line = serde_json::Map::new();
        for (name, value) in &self.fields {
            line.insert((*name).to_owned(), value.clone());
        }
        // after the fields: none of them may pose as one of these
        line.insert("timestamp".to_owned(), format!("{at:.3}").into());
        line.insert("level".to_owned(), level.as_str().into());
        line.insert("target".to_owned(), target.into());
        line.insert("message".to_owned(), self.message.as_str().into());
        serde_json::Value::Object(line).to_string()
    }

    fn add(&mut self, field: &Field, value: serde_json::Value) {
        match (field.name(), value) {
            ("message", serde_json::Value::String(text)) => self.message = text,
            ("message", value) => self.message = value.to_string(),
            (name, value) => self.fields.push((name, value)),
        }
    }
}

/// Whether a value reads the same without quotes.
fn plain(value: &str) -> bool {
    !value.is_empty() && !value.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '='))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

#[cfg(test)]
mod tests;
