//! `[doctor]`: how it is read.

use super::schema::Doctor;
use super::table::Table;

/// Reads the table.
pub fn read(mut table: Table<'_>) -> Doctor {
    let every = table.span("every", "1h");
    let keystone_conf = table.texts("keystone_conf", Some(&[])).into_iter().map(Into::into).collect();
    let fingerprints = table.path_if_any("fingerprints");
    let memcached = table.texts("memcached", Some(&[]));
    table.close();
    Doctor { every, keystone_conf, fingerprints, memcached }
}
