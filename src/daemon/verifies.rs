//! The daemon's own comparing of replicas with their master, one at a time and at half speed.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::inputs::Input;
use crate::compare::{self, CompareError, Pace, Report};
use crate::config::Settings;
use crate::judge::Judge;
use crate::model::time::friendly;
use crate::model::{Moment, Now, RegionName, ReplicaName};

/// How long a comparison that failed waits before the next.
const TRY_EVERY: Duration = Duration::from_secs(3_600);
/// How many differences an event names.
const NAMED: usize = 3;

/// The comparison under way, and when the next may begin.
pub struct Verifies {
    every: Option<Duration>,
    running: Option<(RegionName, ReplicaName, AbortHandle)>,
    not_before: BTreeMap<(RegionName, ReplicaName), Moment>,
    sink: mpsc::Sender<Input>,
}

impl Verifies {
    /// Compares as often as the settings say; nothing runs yet.
    pub fn new(settings: &Settings, sink: mpsc::Sender<Input>) -> Self {
        Self { every: settings.replication.verify_every, running: None, not_before: BTreeMap::new(), sink }
    }

    /// Begins the comparison that is due; ends the one under way when its region is not calm any more.
    pub fn begin_due(&mut self, settings: &Settings, judge: &mut Judge, now: Now) {
        let Some(every) = self.every else { return judge.forget_verified() };
        if let Some((region, replica, task)) = &self.running {
            if !judge.may_verify(region) {
                task.abort();
                self.not_before.insert((region.clone(), replica.clone()), now.mono + TRY_EVERY);
                self.running = None;
            }
            return;
        }
        for region in &settings.regions {
            for replica in &region.replicas {
                let key = (region.name.clone(), replica.name.clone());
                let waits = self.not_before.get(&key).is_some_and(|at| now.mono < *at);
                if !waits && judge.verify_due(&region.name, &replica.name, every, now) {
                    return self.begin(settings, key);
                }
            }
        }
    }

    fn begin(&mut self, settings: &Settings, (region, name): (RegionName, ReplicaName)) {
        let (settings, sink) = (settings.clone(), self.sink.clone());
        let (key, place) = ((region.clone(), name.clone()), (region.clone(), name.clone()));
        let task = tokio::spawn(async move {
            let replicas = settings.regions.iter().filter(|one| one.name == region).flat_map(|one| &one.replicas);
            let Some(replica) = replicas.clone().find(|replica| replica.name == name) else { return };
            let end = compare::run(&settings, (&region, replica), Pace::CALM, &|_| {}).await;
            // a closed channel means that the daemon ends
            let _ = sink.send(Input::Verified(place.0, place.1, told(end))).await;
        });
        self.running = Some((key.0, key.1, task.abort_handle()));
    }

    /// Takes in the end of a comparison.
    pub fn handle_end(&mut self, now: Now, region: &RegionName, name: &ReplicaName, failed: bool) {
        self.running = None;
        let pause = if failed { TRY_EVERY } else { Duration::ZERO };
        self.not_before.insert((region.clone(), name.clone()), now.mono + pause);
    }
}

/// How many tables differ and the sentence, or why there is no result.
fn told(end: Result<Report, CompareError>) -> Result<(usize, String), String> {
    let report = end.map_err(|error| error.to_string())?;
    if let Some(table) = report.restless.first().filter(|_| report.differences.is_empty()) {
        return Err(format!("{table} was altered again and again meanwhile"));
    }
    if let Some(why) = report.standing {
        return Err(why);
    }
    let (tables, rows, took) = (report.tables, report.rows, friendly(report.took));
    let compared = format!("{tables} tables and {rows} rows compared in {took}");
    let differing = report.differing_tables();
    if differing == 0 {
        return Ok((0, format!("equal to its master, {compared}")));
    }
    let named = report.differences.iter().take(NAMED).map(compare::Difference::sentence).collect::<Vec<_>>().join("; ");
    let more = match report.differences.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Ok((differing, format!("differed from its master in {differing} table(s) ({named}{more}), {compared}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Difference, What};

    #[test]
    fn a_sentence_names_a_few_differences_and_counts_the_rest() {
        let of = |table: &str, key: &str| Difference { table: table.into(), what: What::ExtraRow(key.into()) };
        let differences = vec![of("k.a", "id=1"), of("k.a", "id=2"), of("k.b", "id=1"), of("k.b", "id=2")];
        let (tables, sentence) = told(Ok(Report { differences, tables: 7, rows: 12, ..Report::default() })).unwrap();
        assert_eq!(tables, 2);
        assert_eq!(
            sentence,
            "differed from its master in 2 table(s) (k.a: extra row: id=1; k.a: extra row: id=2; k.b: extra row: id=1; and 1 \
             more), 7 tables and 12 rows compared in 0ms"
        );
        let restless = Report { restless: vec!["k.a".into()], ..Report::default() };
        assert!(told(Ok(restless)).unwrap_err().contains("k.a"));
    }
}
