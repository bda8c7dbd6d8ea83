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
