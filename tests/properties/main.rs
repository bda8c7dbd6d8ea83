//! What must hold for any value: transaction ids, rows of a replication status, names and texts in SQL,
//! configuration files that are switched.
//!
//! Values are made by proptest from a seed that is the same in every run; `PROPTEST_RNG_SEED=7 cargo test
//! --test properties` tries others. A failing value is shrunk and printed.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod asked;
mod catalog;
mod gtid_mariadb;
mod gtid_mysql;
mod gtid_servers;
mod names;
mod status;
mod switch;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

/// How many values each property is tried with.
pub fn tries(cases: u32) -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        fixed => fixed,
    };
    ProptestConfig { cases, rng_seed, failure_persistence: Some(Box::new(FileFailurePersistence::Off)), ..given }
}
