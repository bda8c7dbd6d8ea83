//! Hands the last snapshot to everything that reports.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::Settings;
use crate::judge::Judge;
use crate::model::Now;
use crate::model::view::{DoctorView, Snapshot};
use crate::report;

/// Where snapshots are put.
pub struct Publisher {
    started_at: Timestamp,
    master_region: String,
    master_addresses: Vec<String>,
    latest: watch::Sender<Arc<Snapshot>>,
}

impl Publisher {
    /// A publisher with an empty snapshot.
    pub fn new(settings: &Settings, now: Now) -> Self {
        Self {
            started_at: now.wall,
            master_region: settings.master.region.to_string(),
            master_addresses: settings.master.addresses.iter().map(ToString::to_string).collect(),
            latest: watch::Sender::new(Arc::default()),
        }
    }

    /// Where the last snapshot can be read from now on.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.latest.subscribe()
    }

    /// Takes a snapshot.
    pub fn publish(&self, judge: &Judge, doctor: Option<DoctorView>, instance: &str, now: Now) {
        self.latest.send_replace(Arc::new(Snapshot {
            version: report::VERSION.to_owned(),
            revision: report::REVISION.to_owned(),
            instance: instance.to_owned(),
            started_at: Some(self.started_at),
            taken_at: Some(now.wall),
            looked: judge.looked(),
            master_region: self.master_region.clone(),
            master_addresses: self.master_addresses.clone(),
            regions: judge.views(now),
            doctor,
        }));
    }

    /// The last snapshot.
    pub fn latest(&self) -> Arc<Snapshot> {
        self.latest.borrow().clone()
    }
}
