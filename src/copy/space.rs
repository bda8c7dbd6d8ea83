//! Whether the replica's disk can hold the copy. Over SQL a server does not tell how much is free; where keyward runs
//! on the replica's own host, it looks.

use std::path::Path;

use super::definitions::SchemaDefinition;
use super::{CopyError, while_doing};
use crate::dialect::text::fill;
use crate::wire::session::Session;

const HOST: &str = include_str!("../../sql/common/replica-host.sql");

/// Refuses a copy that the replica's disk cannot hold; where that cannot be seen it says nothing.
///
/// # Errors
/// There is too little space, or what the server said.
pub async fn check(target: &mut Session, schemas: &[SchemaDefinition]) -> Result<(), CopyError> {
    let line = target.line(fill(HOST, &[])).await.map_err(while_doing("look at the replica's disk"))?;
    let (host, folder, process) = (line.text("host"), line.text("folder"), line.text("process"));
    let needed: u64 =
        schemas.iter().flat_map(|schema| &schema.tables).map(|table| table.bytes + table.index_bytes).sum();
    let folder = Path::new(&folder);
    if !is_this_host(&host) || !folder.is_absolute() || !folder.is_dir() || !folder.join(process).exists() {
        return Ok(());
    }
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    match too_little(needed, disk.f_bavail.saturating_mul(disk.f_frsize)) {
        Some(why) => {
            Err(CopyError::Unfit(format!("{}: {why} in {}: make room there first", target.who(), folder.display())))
        }
        None => Ok(()),
    }
}

/// Why so many free bytes are too few; `None` when they are not.
fn too_little(needed: u64, free: u64) -> Option<String> {
    (free < needed).then(|| {
        let (needed, free) = (needed.div_ceil(1 << 20), free >> 20);
        format!("the master's tables take {needed} MiB, and there are only {free} MiB free")
    })
}

fn is_this_host(name: &str) -> bool {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    !name.is_empty() && own.trim() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_too_little_room_is_told_and_one_that_has_it_is_not() {
        assert_eq!(too_little(10 << 20, 10 << 20), None);
        assert_eq!(
            too_little(10 << 20, 9 << 20).unwrap(),
            "the master's tables take 10 MiB, and there are only 9 MiB free"
        );
    }
}
