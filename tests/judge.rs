//! Timelines of the judge: a file of text is a simulated world on top and what the judge does with it below.
//!
//! The world is stepped look by look with a clock of its own. What the judge tells and starts is compared with the
//! lower part of the file, line by line. `TIMELINES=write` writes the lower parts anew: read the difference before
//! it is committed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall panic")]

mod simulated;

use std::fs;
use std::path::Path;

use simulated::World;

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
fn random_worlds_never_break_a_promise_and_always_come_home() {
    let faults: u32 = (1..=40).map(World::play_at_random).sum();
    println!("{faults} faults and commands in 40 random worlds");
    assert!(faults > 1_000, "{faults} faults are too few to prove anything");
}
