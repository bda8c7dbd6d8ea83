//! `--since`: a point in time, written as how long ago it was or as the time itself.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::config::duration;

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(Timestamp),
}

impl Since {
    /// The point in time, as seen at `now`.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Since::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
            Since::At(at) => at,
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(span) = duration::parse(text) {
            return Ok(Since::Ago(span));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Since::At(at));
        }
        // as `keyward events` writes it: without an offset it is UTC
        let plain = text.strip_suffix("UTC").map_or(text, str::trim_end);
        let at = plain.parse::<DateTime>().ok().and_then(|at| at.to_zoned(TimeZone::UTC).ok());
        match at {
            Some(at) => Ok(Since::At(at.timestamp())),
            None => Err("write how long ago, like 30m or 2h, or the time in UTC, like 2026-11-22 05:03".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        text.parse::<Since>().map_or_else(|error| error, |since| since.at(now).to_string())
    }

    #[test]
    fn a_span_counts_back_from_now_and_a_time_is_utc_unless_it_says_otherwise() {
        for (text, at) in [
            ("1h", "2026-11-22T11:00:00Z"),
            ("1h 30m", "2026-11-22T10:30:00Z"),
            ("3d", "2026-11-19T12:00:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22 05:03", "2026-11-22T05:03:00Z"),
            (" 2026-11-22 05:03:35 UTC ", "2026-11-22T05:03:35Z"),
            ("2026-11-22T05:03:35.5Z", "2026-11-22T05:03:35.5Z"),
            ("2026-11-22 07:03+02:00", "2026-11-22T05:03:00Z"),
        ] {
            assert_eq!(read(text), at, "{text:?}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_with_both_forms() {
        for text in ["", "yesterday", "5", "0s", "-1h", "2026-13-01", "05:03", "2026-11-22 25:00", "1h ago", "UTC"] {
            let said = read(text);
            assert!(said.contains("like 30m") && said.contains("2026-11-22 05:03"), "{text:?}: {said}");
        }
    }
}
