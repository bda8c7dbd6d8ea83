//! Tests that cannot run on this machine: said loudly, and counted by `scripts/run-tests`.

use std::fs::OpenOptions;
use std::io::Write;

use super::kind::Kind;

/// Environment variable with the file to which each skipped test adds a line.
pub const LIST: &str = "KEYWARD_SKIPPED";

/// Says that the test on this thread does not run here, and why.
pub fn skip(why: &str) {
    let test = std::thread::current();
    let line = format!("{}: {why}\n", test.name().unwrap_or("a test"));
    eprint!("SKIPPED {line}");
    // one write of one line, so that those of other processes stay whole
    let list = std::env::var_os(LIST).and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    if let Some(mut list) = list {
        list.write_all(line.as_bytes()).ok();
    }
}

/// Whether there is no server of this kind here; the test on this thread then counts as skipped.
pub fn lacks(kind: Kind) -> bool {
    let fetched = kind.fetched();
    if let Err(why) = &fetched {
        skip(&why.to_string());
    }
    fetched.is_err()
}
