//! The replica's settings while rows are loaded: what they were is part of the journal's mark before they change, so
//! that they are given back in every case, if not by this run then by the next.

use super::{CopyError, while_doing};
use crate::dialect::text::fill;
use crate::model::preflight::GlobalSetting;
use crate::wire::session::{Session, Trouble};

const READ: &str = include_str!("../../sql/common/load-settings.sql");
const SET: &str = include_str!("../../sql/common/load-setting.sql");

/// Each setting and what it is while rows are loaded: a replica that loses its last seconds begins the copy anew anyway.
const WHILE_LOADING: [(&str, &str); 3] =
    [("innodb_flush_log_at_trx_commit", "2"), ("sync_binlog", "0"), ("local_infile", "1")];

/// What is to be changed, with the values that it has now.
///
/// # Errors
/// What the server said.
pub async fn read(target: &mut Session) -> Result<Vec<GlobalSetting>, CopyError> {
    let line = target.line(fill(READ, &[])).await.map_err(while_doing("read the replica's settings"))?;
    let changed = WHILE_LOADING.iter().filter_map(|(name, wanted)| {
        let value = line.text(name);
        (value != *wanted && is_plain(&value)).then(|| GlobalSetting { name: (*name).to_owned(), value })
    });
    Ok(changed.collect())
}

/// Changes what the account may change; whether the server takes LOAD DATA LOCAL afterwards.
///
/// # Errors
/// What the server said, but for a missing right.
pub async fn relax(target: &mut Session, now: &[GlobalSetting]) -> Result<bool, CopyError> {
    let mut loads = true;
    for (name, wanted) in WHILE_LOADING {
        if now.iter().any(|setting| setting.name == name) && !set(target, name, wanted).await? && name == "local_infile"
        {
            loads = false;
        }
    }
    Ok(loads)
}

/// Gives the settings back; a setting that is not one of these is left alone.
///
/// # Errors
/// What the server said, but for a missing right: what could not be changed needs no changing back.
pub async fn restore(target: &mut Session, before: &[GlobalSetting]) -> Result<(), CopyError> {
    for setting in before {
        if WHILE_LOADING.iter().any(|(name, _)| *name == setting.name) && is_plain(&setting.value) {
            set(target, &setting.name, &setting.value).await?;
        }
    }
    Ok(())
}

fn is_plain(value: &str) -> bool {
    !value.is_empty() && value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the account was allowed to.
async fn set(target: &mut Session, name: &str, value: &str) -> Result<bool, CopyError> {
    match target.run(fill(SET, &[("name", name), ("value", value)])).await {
        Ok(()) => Ok(true),
        Err(Trouble { code: Some(1227), .. }) => Ok(false),
        Err(trouble) => Err(while_doing(format!("set {name}"))(trouble)),
    }
}
