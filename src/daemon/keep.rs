//! Keeps every guarded replica as it should be: one upkeep at a time for each, with growing pauses after failures.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;

use super::inputs::Input;
use super::watchers;
use crate::act::upkeep::perform;
use crate::config::Settings;
use crate::judge::{Guard, Judge};
use crate::model::observation::ActingLock;
use crate::model::retry;
use crate::model::upkeep::{UpkeepFailure, UpkeepStep};
use crate::model::{Moment, Now, RegionName, ReplicaName};
use crate::plan::{upkeep, wanted};

/// How long threads must run for a fault before to count as passed.
const CALM: Duration = Duration::from_secs(120);
/// The first and the longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One replica's upkeep.
#[derive(Debug, Default)]
struct Keeper {
    busy: bool,
    failures: u32,
    not_before: Option<Moment>,
    last_at: Option<Moment>,
    said: String,
}

impl Keeper {
    fn wait_longer(&mut self, now: Now, random: &mut fastrand::Rng) {
        self.failures += 1;
        self.not_before = Some(now.mono + retry::pause(self.failures, FIRST_PAUSE, LONGEST_PAUSE, random));
    }
}

/// The upkeep of every replica.
#[derive(Debug, Default)]
pub struct Keepers {
    keepers: BTreeMap<(RegionName, ReplicaName), Keeper>,
    random: fastrand::Rng,
}

/// An upkeep that is to begin.
pub struct Due {
    region: RegionName,
    replica: ReplicaName,
    steps: Vec<UpkeepStep>,
}

impl Keepers {
    /// Which upkeeps are to begin now. Threads that one will stop are written down as owed first.
    pub fn due(&mut self, settings: &Settings, judge: &mut Judge, now: Now) -> Vec<Due> {
        let mut due = Vec::new();
        for region in &settings.regions {
            for replica in &region.replicas {
                let keeper = self.keepers.entry((region.name.clone(), replica.name.clone())).or_default();
                let waits = keeper.busy || keeper.not_before.is_some_and(|at| now.mono < at);
                let Some((steps, fault)) =
                    missing(settings, judge, &region.name, &replica.name, now).filter(|_| !waits)
                else {
                    continue;
                };
                if keeper.last_at.is_some_and(|at| now.mono.since(at) > CALM) {
                    keeper.failures = 0;
                }
                keeper.busy = true;
                keeper.last_at = Some(now.mono);
                if fault {
                    keeper.wait_longer(now, &mut self.random);
                }
                judge.handle_upkeep_begun(&region.name, &replica.name, upkeep::stops_threads(&steps));
                due.push(Due { region: region.name.clone(), replica: replica.name.clone(), steps });
            }
        }
        due
    }

    /// Takes in the end of an upkeep.
    pub fn handle_end(
        &mut self,
        judge: &mut Judge,
        now: Now,
        region: &RegionName,
        replica: &ReplicaName,
        result: &Result<Vec<UpkeepStep>, UpkeepFailure>,
    ) {
        let keeper = self.keepers.entry((region.clone(), replica.clone())).or_default();
        keeper.busy = false;
        let sentence = match result {
            Ok(done) => {
                let done: Vec<String> = done.iter().map(ToString::to_string).collect();
                format!("did {}", done.join(", "))
            }
            Err(failure) => {
                keeper.wait_longer(now, &mut self.random);
                failure.to_string()
            }
        };
        // the same failure every minute is told once, and so is a start that each time ends in the same error
        let is_news = keeper.said != sentence || (result.is_ok() && keeper.failures <= 1);
        keeper.said.clone_from(&sentence);
        judge.handle_upkeep_ended(now, region, replica, sentence, is_news);
    }
}

fn missing(
    settings: &Settings,
    judge: &Judge,
    region: &RegionName,
    name: &ReplicaName,
    now: Now,
) -> Option<(Vec<UpkeepStep>, bool)> {
    let region = judge.region(region)?;
    let (facts, guard) = region.upkeep_scene(name)?;
    if guard != Guard::Passed || facts.acting_lock != ActingLock::Ours {
        return None;
    }
    let remembered = region.memory().replicas.get(name);
    let wanted = upkeep::Wanted {
        filter: &region.rules().filter,
        net_timeout_seconds: wanted::net_timeout_seconds(settings.replication.beat_interval),
        link_is_held: region.memory().lost.is_some(),
        link_is_silent: region.link_is_silent(name, now.mono),
        owes_start: remembered.is_some_and(|replica| replica.owes_start),
        running_at: remembered.and_then(|replica| replica.running_at),
        successor: region.link_successor(name, now),
    };
    let steps = upkeep::steps(facts, &wanted, now);
    let fault = upkeep::answers_a_fault(facts, &steps);
    (!steps.is_empty()).then_some((steps, fault))
}

/// Begins the upkeeps; each end comes back as an input.
pub fn begin(settings: &Settings, due: Vec<Due>, sink: &mpsc::Sender<Input>) {
    for Due { region, replica, steps } in due {
        let found = settings.regions.iter().filter(|other| other.name == region).flat_map(|region| &region.replicas);
        let Some(found) = found.into_iter().find(|other| other.name == replica) else { continue };
        let target = watchers::of_replica(settings, found);
        let sink = sink.clone();
        tokio::spawn(async move {
            let result = perform(&target, &steps).await;
            // a closed channel means that the daemon ends
            let _ = sink.send(Input::Upkeep(region, replica, result)).await;
        });
    }
}
