//! Each replica's lag over the last quarter of an hour, in memory only: what the status page draws.
//!
//! One point is what happened in 5 s: the greatest lag that was known then, or none when none was.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::Moment;
use crate::model::view::RegionView;

/// What one point stands for, in seconds.
pub const POINT_SECONDS: u64 = 5;
/// Points kept of each replica: a quarter of an hour.
pub const POINTS: usize = 180;

/// Points of one replica, oldest first; the last one is still being made.
type Line = VecDeque<Option<f32>>;

/// The lag of every replica that the last snapshot named.
#[derive(Debug, Default)]
pub struct History {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Which point is being made, counted from the start of the machine.
    slot: u64,
    lines: BTreeMap<String, BTreeMap<String, Line>>,
}

impl History {
    /// Takes in a snapshot's regions as they were at `at`.
    pub fn note(&self, regions: &[RegionView], at: Moment) {
        let mut kept = self.lock();
        let slot = at.since(Moment::default()).as_secs() / POINT_SECONDS;
        let passed = slot.saturating_sub(kept.slot);
        kept.slot = slot;
        if passed > 0 {
            kept.forget_all_but(regions);
            kept.lines.values_mut().flat_map(BTreeMap::values_mut).for_each(|line| advance(line, passed));
        }
        for region in regions {
            // looked for before it is made, because making it needs a copy of the name
            if !kept.lines.contains_key(&region.name) {
                kept.lines.insert(region.name.clone(), BTreeMap::new());
            }
            let Some(lines) = kept.lines.get_mut(&region.name) else { continue };
            for replica in &region.replicas {
                let lag = replica.lag_seconds.filter(|lag| lag.is_finite() && *lag >= 0.0).map(|lag| lag as f32);
                match lines.get_mut(&replica.name).and_then(VecDeque::back_mut) {
                    Some(point) => *point = greater(*point, lag),
                    None => {
                        lines.insert(replica.name.clone(), Line::from([lag]));
                    }
                }
            }
        }
    }

    /// A replica's points in seconds, oldest first, the newest one being the last snapshot's; none means not known.
    pub fn line(&self, region: &str, replica: &str) -> Vec<Option<f32>> {
        let kept = self.lock();
        let line = kept.lines.get(region).and_then(|lines| lines.get(replica));
        line.map(|line| line.iter().copied().collect()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Settings that were read again may name fewer servers.
    fn forget_all_but(&mut self, regions: &[RegionView]) {
        self.lines.retain(|name, lines| {
            let Some(region) = regions.iter().find(|region| region.name == *name) else { return false };
            lines.retain(|name, _| region.replicas.iter().any(|replica| replica.name == *name));
            true
        });
    }
}

/// Begins the next point; those in which nobody looked are not known.
fn advance(line: &mut Line, passed: u64) {
    let passed = usize::try_from(passed).unwrap_or(POINTS).min(POINTS);
    line.extend(std::iter::repeat_n(None, passed));
    line.drain(..line.len().saturating_sub(POINTS));
}

fn greater(one: Option<f32>, other: Option<f32>) -> Option<f32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::fixtures;

    fn regions(lag: Option<f64>) -> Vec<RegionView> {
        let mut regions = fixtures::good_day().regions;
        regions[0].replicas[0].lag_seconds = lag;
        regions
    }

    fn second(second: u64) -> Moment {
        Moment::from_boot(Duration::from_secs(second))
    }

    #[test]
    fn a_point_is_the_greatest_lag_that_was_known_in_it() {
        let history = History::default();
        for (at, lag) in
            [(1_000, Some(0.5)), (1_001, None), (1_003, Some(2.0)), (1_004, Some(1.0)), (1_005, Some(0.25))]
        {
            history.note(&regions(lag), second(at));
        }
        assert_eq!(history.line("RegionTwo", "r2-db1"), [Some(2.0), Some(0.25)]);
        assert_eq!(history.line("RegionTwo", "other"), []);
        assert_eq!(history.line("RegionNine", "r2-db1"), []);
    }

    #[test]
    fn what_nobody_knows_and_what_is_no_lag_is_a_gap_and_never_zero() {
        let history = History::default();
        for (at, lag) in [(1_000, Some(0.5)), (1_005, None), (1_010, Some(f64::NAN)), (1_015, Some(-1.0))] {
            history.note(&regions(lag), second(at));
        }
        // the daemon was held up for 10 s
        history.note(&regions(Some(3.0)), second(1_030));
        assert_eq!(history.line("RegionTwo", "r2-db1"), [Some(0.5), None, None, None, None, None, Some(3.0)]);
    }

    #[test]
    fn no_more_is_kept_than_is_drawn() {
        let history = History::default();
        for at in 0..2_000 {
            history.note(&regions(Some(at as f64)), second(at));
        }
        let line = history.line("RegionTwo", "r2-db1");
        assert_eq!((line.len(), line[0], line[POINTS - 1]), (POINTS, Some(1_104.0), Some(1_999.0)));
        history.note(&regions(Some(1.0)), second(1_000_000));
        let line = history.line("RegionTwo", "r2-db1");
        assert_eq!((line.len(), line[POINTS - 2], line[POINTS - 1]), (POINTS, None, Some(1.0)), "a machine that slept");
        let mut renamed = regions(Some(1.0));
        renamed[0].replicas[0].name = "r2-db2".into();
        history.note(&renamed, second(1_000_005));
        assert_eq!(history.line("RegionTwo", "r2-db1"), [], "it is no longer in the settings");
        assert_eq!(history.line("RegionTwo", "r2-db2"), [Some(1.0)]);
    }
}
