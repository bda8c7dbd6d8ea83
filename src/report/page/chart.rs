//! A replica's lag over the last quarter of an hour, drawn. What was not known is hatched, and never drawn as 0.

use std::fmt::Write;

use jiff::Timestamp;

use super::text::escaped;
use crate::model::time::friendly_seconds;
use crate::model::{Event, EventKind, Phase};
use crate::report::history::{POINT_SECONDS, POINTS};

/// Measures of the drawing; it is as wide as a phone, so that its letters stay readable there.
const WIDTH: f32 = 320.0;
const TOP: f32 = 18.0;
const BOTTOM: f32 = 82.0;
const HEIGHT: f32 = 98.0;
/// How wide one point is, and one letter about.
const STEP: f32 = WIDTH / POINTS as f32;
const LETTER: f32 = 6.4;
/// Transitions closer than this are one mark, with the word of the last of them.
const CLOSE: f32 = 10.0;
/// The most marks that are drawn.
const MOST_MARKS: usize = 12;
/// What the upper edge may stand for, in seconds.
const EDGES: [f32; 14] =
    [1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

/// A transition within the time that is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    x: f32,
    to: Phase,
}

/// The transitions of a region within the last quarter of an hour, oldest first, close ones as one.
pub fn marks(events: &[Event], region: &str, now: Option<Timestamp>) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let span = POINTS as f64 * POINT_SECONDS as f64;
    for event in events.iter().filter(|event| event.region.as_ref().is_some_and(|name| name.0 == region)) {
        let (EventKind::Transition { to, .. }, Some(now)) = (&event.what, now) else { continue };
        let ago = now.duration_since(event.at).as_secs_f64();
        if !(0.0..=span).contains(&ago) {
            continue;
        }
        let mark = Mark { x: WIDTH * (1.0 - (ago / span) as f32), to: *to };
        match marks.last_mut() {
            Some(last) if mark.x - last.x < CLOSE => last.to = mark.to,
            _ => marks.push(mark),
        }
    }
    marks.drain(..marks.len().saturating_sub(MOST_MARKS));
    marks
}

/// The line under the drawing, which says in words what matters of it.
pub fn caption(points: &[Option<f32>], now: Option<f64>) -> String {
    let now = now.map_or("not known now".to_owned(), |lag| format!("{} now", friendly_seconds(lag)));
    match worst(points) {
        Some(worst) => format!("Lag: {now}, at most {} in 15 minutes", friendly_seconds(f64::from(worst))),
        None => format!("Lag: {now}, not known in the last 15 minutes"),
    }
}

/// The greatest known lag.
pub fn worst(points: &[Option<f32>]) -> Option<f32> {
    points.iter().flatten().copied().reduce(f32::max)
}

/// The drawing.
pub fn draw(page: &mut String, replica: &str, points: &[Option<f32>], marks: &[Mark]) {
    let edge = upper_edge(worst(points).unwrap_or(0.0));
    let words: Vec<&str> = marks.iter().map(|mark| mark.to.code()).collect();
    let moved =
        if words.is_empty() { "no transition".to_owned() } else { format!("transitions: {}", words.join(", ")) };
    let _ = writeln!(
        page,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Lag of {} in the last 15 minutes, {moved}\">",
        escaped(replica),
    );
    let missing = POINTS.saturating_sub(points.len());
    let all: Vec<Option<f32>> = std::iter::repeat_n(None, missing).chain(points.iter().copied()).take(POINTS).collect();
    gaps(page, &all);
    let _ = writeln!(page, "<path class=\"axis\" d=\"M0 {TOP}H{WIDTH}M0 {BOTTOM}H{WIDTH}\"/>");
    let _ = writeln!(page, "<path class=\"lag\" d=\"{}\"/>", curve(&all, edge));
    marked(page, marks);
    let edge = friendly_seconds(f64::from(edge));
    let _ = writeln!(page, "<text class=\"soft\" x=\"2\" y=\"{}\">{edge}</text>", TOP + 12.0);
    let _ = writeln!(page, "<text class=\"soft\" x=\"2\" y=\"{}\">0s</text>", BOTTOM - 3.0);
    let _ = writeln!(page, "<text class=\"soft\" x=\"0\" y=\"{}\">15 min ago</text>", HEIGHT - 3.0);
    let _ = writeln!(
        page,
        "<text class=\"soft\" x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">now</text>\n</svg>",
        HEIGHT - 3.0
    );
}

/// The least round number that nothing passes.
fn upper_edge(worst: f32) -> f32 {
    let day = 86_400.0;
    EDGES.into_iter().find(|edge| worst <= *edge).unwrap_or_else(|| (worst / day).ceil() * day)
}

/// The known points as lines; each gap ends one and begins another.
fn curve(points: &[Option<f32>], edge: f32) -> String {
    let mut path = String::new();
    let height = |lag: f32| BOTTOM - (BOTTOM - TOP) * (lag / edge).min(1.0);
    let middle = |index: usize| (index as f32 + 0.5) * STEP;
    let mut before: Option<f32> = None;
    for (index, point) in points.iter().enumerate() {
        if let Some(lag) = point {
            let y = format!("{:.1}", height(*lag));
            let next = points.get(index + 1).copied().flatten();
            // a point between two of its own height adds nothing to the line
            let level = before == Some(*lag) && next == Some(*lag);
            if before.is_none() {
                // a lone point is seen by the round end of its line
                let _ = write!(path, "M{:.1} {y}h0", middle(index));
            } else if !level {
                let _ = write!(path, "L{:.1} {y}", middle(index));
            }
        }
        before = *point;
    }
    path
}

/// Hatches what is not known, and says so where there is room for it.
fn gaps(page: &mut String, points: &[Option<f32>]) {
    let mut index = 0;
    while index < points.len() {
        let length = points[index..].iter().take_while(|point| point.is_none()).count();
        if length > 0 {
            let (x, width) = (index as f32 * STEP, length as f32 * STEP);
            let height = BOTTOM - TOP;
            let _ = writeln!(
                page,
                "<rect class=\"gap\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"/>"
            );
            if width > 12.0 * LETTER {
                let (middle, y) = (x + width / 2.0, f32::midpoint(TOP, BOTTOM) + 4.0);
                let _ = writeln!(
                    page,
                    "<text class=\"soft\" x=\"{middle:.1}\" y=\"{y}\" text-anchor=\"middle\">not known</text>"
                );
            }
        }
        index += length.max(1);
    }
}

/// Transitions: a line each, and the phase's word where it covers none of a later one.
fn marked(page: &mut String, marks: &[Mark]) {
    let mut free_until = WIDTH;
    for Mark { x, to } in marks.iter().rev() {
        let _ = writeln!(page, "<path class=\"mark\" d=\"M{x:.1} {:.1}V{BOTTOM}\"/>", TOP - 4.0);
        let wide = to.code().len() as f32 * LETTER;
        // behind its line, or before it
        let (anchor, from) = if x + wide <= free_until { ("start", *x) } else { ("end", x - wide) };
        if from >= 0.0 && from + wide <= free_until {
            let _ = writeln!(page, "<text x=\"{x:.1}\" y=\"11\" text-anchor=\"{anchor}\">{}</text>", to.code());
            free_until = from - LETTER;
        }
    }
}
