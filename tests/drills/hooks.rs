//! Hooks that write down when they start and end, and what they wrote.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::settings::Hook;

/// One line that a hook wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// `start` or `end`.
    pub what: String,
    /// Nanoseconds since 1970.
    pub at: u128,
    pub event: String,
    pub hook: String,
    pub episode: String,
    pub turn: u32,
    pub attempt: u32,
}

/// Writes a hook's script into `folder`, if it has one.
pub fn install(folder: &Path, hook: &Hook) {
    if hook.kind.is_some() {
        return;
    }
    let log = folder.join("hooks.log");
    let mark = |what: &str| {
        format!(
            "echo \"{what} $(date +%s%N) $KEYWARD_EVENT $KEYWARD_HOOK $KEYWARD_EPISODE $KEYWARD_TURN \
             $KEYWARD_ATTEMPT\" >>{}\n",
            log.display()
        )
    };
    let script = format!("#!/bin/sh\n{}{}\n{}", mark("start"), hook.body, mark("end"));
    let path = folder.join(format!("{}.sh", hook.name));
    // written elsewhere and moved, as a script that is open for writing cannot be run
    let fresh = path.with_extension("new");
    fs::write(&fresh, script).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(fresh, path).unwrap();
}

/// Everything that hooks wrote in `folder`, oldest first.
pub fn marks(folder: &Path) -> Vec<Mark> {
    let text = fs::read_to_string(folder.join("hooks.log")).unwrap_or_default();
    let parse = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, at, event, hook, episode, turn, attempt] = words[..] else { panic!("a hook wrote {line:?}") };
        Mark {
            what: what.to_owned(),
            at: at.parse().unwrap(),
            event: event.to_owned(),
            hook: hook.to_owned(),
            episode: episode.to_owned(),
            turn: turn.parse().unwrap(),
            attempt: attempt.parse().unwrap(),
        }
    };
    text.lines().map(parse).collect()
}

/// The starts as `event hook turn attempt`.
pub fn starts(folder: &Path) -> Vec<String> {
    let told = |mark: Mark| format!("{} {} {} {}", mark.event, mark.hook, mark.turn, mark.attempt);
    marks(folder).into_iter().filter(|mark| mark.what == "start").map(told).collect()
}

/// No run began before the one before it had ended. Only for hooks that are never cut off.
pub fn assert_none_overlap(folder: &Path) {
    let marks = marks(folder);
    for (index, mark) in marks.iter().enumerate() {
        let wanted = if index % 2 == 0 { "start" } else { "end" };
        assert_eq!(mark.what, wanted, "two runs overlap: {marks:#?}");
    }
}
