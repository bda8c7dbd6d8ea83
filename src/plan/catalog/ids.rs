//! Ids of rows that are added: the second cloud's own, unless the master's catalogue has given them away already, as two
//! clouds made from one image have.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// An id that is not taken, and takes it. The same question has the same answer.
pub fn fresh(region: &str, wanted: &str, taken: &mut BTreeSet<String>) -> String {
    if taken.insert(wanted.to_lowercase()) {
        return wanted.to_owned();
    }
    let mut number: u64 = 0;
    loop {
        let id = derived(region, wanted, number);
        if taken.insert(id.clone()) {
            return id;
        }
        number += 1;
    }
}

/// 32 hexadecimal digits, as Keystone's own ids are.
fn derived(region: &str, wanted: &str, number: u64) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for part in [region.as_bytes(), wanted.as_bytes(), &number.to_be_bytes()] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish().as_ref().iter().take(16).fold(String::with_capacity(32), |mut id, byte| {
        // writing to a text cannot fail
        let _ = write!(id, "{byte:02x}");
        id
    })
}
