//! tmp
use crate::model::observation::ServerIdentity;
use crate::model::{RegionName, ReplicaName};
/// s
#[derive(serde::Deserialize)]
pub struct Stamp {
    /** i */
    pub identity: ServerIdentity,
}
/// r
pub fn read(dir: &std::path::Path, region: &RegionName, replica: &ReplicaName) -> anyhow::Result<Option<Stamp>> {
    match std::fs::read(dir.join("stamps").join(format!("{region}__{replica}.json"))) {
        Ok(t) => Ok(serde_json::from_slice(&t)?),
        Err(_) => Ok(None),
    }
}
