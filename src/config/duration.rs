//! Durations as people write them: `500ms`, `5s`, `2m`, `1h 30m`, `3d`.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// The longest duration that means anything here: about three years.
const LONGEST: Duration = Duration::from_secs(1_000 * 86_400);

/// Reads a duration; a day is 24 hours.
///
/// # Errors
/// One sentence when the text is no duration, is zero or negative, or is longer than 1000 days.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration: write it like 500ms, 5s, 2m or 1h 30m");
    let span = SpanParser::new().parse_span(text.trim()).map_err(|_| wrong())?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let duration = Duration::try_from(signed).map_err(|_| format!("{text:?} is negative; it must be above zero"))?;
    if duration.is_zero() {
        return Err(format!("{text:?} is zero; it must be above zero"));
    }
    if duration > LONGEST {
        return Err(format!("{text:?} is longer than 1000 days"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_people_write_are_read() {
        let millis = ["500ms", "5s", "1.5s", "2m", "1h 30m", "24h", "3d 4h", " 10s "]
            .map(|text| parse(text).unwrap().as_millis());
        assert_eq!(millis, [500, 5_000, 1_500, 120_000, 5_400_000, 86_400_000, 273_600_000, 10_000]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_one_sentence() {
        for text in ["", "10", "ten seconds", "5 parsecs", "-5s", "5s ago", "0s", "1y", "2mo", "2000d", "PT5S"] {
            let sentence = parse(text).unwrap_err();
            assert!(sentence.contains(text) && !sentence.contains('\n'), "{text:?}: {sentence}");
        }
    }
}
