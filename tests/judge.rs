//! The judge, proven by simulation.
//!
//! Timelines: a file of text is a simulated world on top and what the judge does with it below. What the judge tells
//! and starts is compared with the lower part of the file, line by line. `TIMELINES=write` writes the lower parts anew:
//! read the difference before it is committed.
//!
//! Faults: random worlds in which promises are checked at every step, built as an optimised program of its own
//! (`proof`). `FAULTS` says how many, `SEED` plays one seed again. Bugs that are planted must all be found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod proof;
#[allow(dead_code, reason = "the optimised program uses the rest of it")]
mod simulated;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proof::bugs::BUGS;
use proof::patches::{self, Bug};
use simulated::program;
use simulated::timeline::World;

/// Faults that strike in `make test`.
const FAULTS: &str = "200000";
/// A planted bug must be found within so many faults.
const PATIENCE: &str = "100000";

#[test]
fn every_timeline_ends_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/timelines");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "timelines are missing");
    let mut wrong = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (script, expected) = text.split_once("\n---\n").expect("a timeline has a line `---`");
        let told = World::play(script);
        if std::env::var_os("TIMELINES").is_some_and(|value| value == "write") {
            fs::write(&file, format!("{script}\n---\n{told}")).unwrap();
        } else if told != expected {
            wrong.push(format!("{}\nexpected:\n{expected}\ntold:\n{told}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_promise_is_kept_whatever_strikes() {
    let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let said = match text("SEED") {
        Some(seed) => proof::run("clean", None, &["seed", &seed]),
        None => proof::run("clean", None, &["faults", &text("FAULTS").unwrap_or(FAULTS.to_owned())]),
    };
    match said {
        Ok(said) => println!("{said}"),
        Err(said) => panic!("{said}"),
    }
}

#[test]
fn a_few_worlds_run_in_the_tests_own_build_too() {
    let table = program::play_many(1, 1_000, None).unwrap_or_else(|report| panic!("{report}"));
    assert!(table.trials > 0, "no trial of liveness was reached");
}

fn hunt(bug: &Bug) -> Vec<&'static str> {
    ["hunt", PATIENCE].into_iter().chain(bug.mood).collect()
}

#[test]
fn every_planted_bug_is_found_by_every_hunter() {
    // with every switch off the copy keeps its promises, with the seeds of the first hunter, in every mood
    let moods: BTreeSet<Option<&str>> = BUGS.iter().map(|bug| bug.mood).collect();
    for mood in moods {
        let arguments: Vec<&str> = ["faults", "40000", "1000000"].into_iter().chain(mood).collect();
        proof::run("planted", None, &arguments).unwrap_or_else(|said| panic!("{said}"));
    }
    let (next, missed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(bug) = BUGS.get(number) else { break };
                    match proof::run("planted", Some(number), &hunt(bug)) {
                        Ok(said) => println!("{}: {said}", bug.name),
                        Err(said) => missed.lock().unwrap().push(format!("{}: {said}", bug.name)),
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{} of {} bugs were missed:\n{}", missed.len(), BUGS.len(), missed.join("\n"));
}

#[test]
fn a_bug_that_cannot_be_planted_is_named() {
    let sources = [("judge/a.rs".to_owned(), "let a = x && y;\nlet b = y;\n".to_owned())];
    let bug = |name, original| Bug { name, file: "judge/a.rs", original, bug: "true", mood: None };
    let planted = patches::plant(&sources, &[bug("good", "x && y"), bug("same place", "x && y")]).unwrap();
    assert!(planted[0].1.contains("crate::planted(0)") && planted[0].1.contains("crate::planted(1)"));
    let refused = patches::plant(&sources, &[bug("gone", "z"), bug("twice", "y")]).unwrap_err();
    assert!(refused.contains("gone") && refused.contains("twice"), "{refused}");
    patches::plant(&sources, &[bug("outer", "x && y"), bug("inner", "x")]).unwrap_err();
}
