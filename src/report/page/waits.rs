//! What Keyward waits for in a region, and until when.

use jiff::Timestamp;

use super::text::{ago, due, escaped};
use crate::model::Phase;
use crate::model::verdict::Verdict;
use crate::model::view::{RegionView, WayBackView};

/// Whether the master is gone for good and a closed gate keeps users from being moved: what `KeywardFailoverBlocked`
/// means.
pub fn is_blocked(view: &RegionView) -> bool {
    let gone = view.verdicts.iter().any(|verdict| verdict.code == Verdict::MasterUnreachable.code());
    gone && !view.gates.is_empty() && !view.phase.in_episode()
}

/// Sentences as HTML; none when there is nothing to wait for.
pub fn of(view: &RegionView, looked: bool, now: Option<Timestamp>) -> Vec<String> {
    let mut waits = Vec::new();
    if !looked {
        waits.push("The first look at every server.".to_owned());
    }
    let name = escaped(&view.name);
    match view.deadline {
        _ if is_blocked(view) => {
            let codes: Vec<String> = view.gates.iter().map(|gate| escaped(&gate.code)).collect();
            waits.push(format!(
                "Every gate to be open, or the master's return, without a time limit: <b>{}</b> keeps users from being \
                 moved to {name}.",
                codes.join(", ")
            ));
        }
        Some(at) => waits.push(format!(
            "A sign of life from the master until {}; without one, users then sign in at {name}.",
            due(at, now)
        )),
        None if view.phase == Phase::Suspect => waits.push("A sign of life from the master.".to_owned()),
        None => {}
    }
    for hook in &view.hooks {
        let name = escaped(&hook.name);
        match (hook.state.as_str(), hook.next_try) {
            ("running", _) => waits.push(format!("Hook {name} to end, attempt {}.", hook.attempt)),
            ("retrying", Some(at)) => {
                waits.push(format!("Hook {name} to succeed; it is tried again at {}.", due(at, now)));
            }
            ("retrying", None) => waits.push(format!("Hook {name} to succeed.")),
            _ => {}
        }
    }
    waits.extend(view.way_back.as_ref().filter(|_| view.phase != Phase::Returning).map(|back| way_back(back, now)));
    if let Some(pause) = &view.paused {
        waits.push(match pause.until {
            Some(at) => format!("An operator's <b>keyward resume</b>, or the end of the pause at {}.", due(at, now)),
            None => "An operator's <b>keyward resume</b>: the pause does not end by itself.".to_owned(),
        });
    }
    waits
}

fn way_back(back: &WayBackView, now: Option<Timestamp>) -> String {
    let ahead = now.zip(back.earliest).filter(|(now, at)| at > now);
    let left = ahead.map(|(now, at)| format!(" (in {})", ago(now, at))).unwrap_or_default();
    format!("{}{left}", escaped(&back.sentence))
}
