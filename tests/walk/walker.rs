//! Breadth first, level by level, on every core.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::alphabet::{Point, Step};
use super::place::{Met, Place};
use super::table::Table;
use super::tour;

/// How many events and crashes away from a stop of the tour.
const DEPTH: usize = 2;
/// Of so many states one is healed, and one loses its master, to see where that ends.
const STRIDE: usize = 16;

/// The whole walk.
pub fn walk() -> Table {
    let (met, struck) = (Met::default(), Met::default());
    let mut table = Table::default();
    let mut level: Vec<Place> = tour::stops().into_iter().filter(|place| met.is_new(&place.shape())).collect();
    for depth in 0..=DEPTH {
        table.states += level.len() as u64;
        let share = level.len().div_ceil(std::thread::available_parallelism().map_or(2, usize::from)).max(1);
        let (met, struck) = (&met, &struck);
        let parts: Vec<(Table, Vec<Place>)> = std::thread::scope(|scope| {
            let part = |places| scope.spawn(move || explore(places, met, struck, depth == DEPTH));
            let threads: Vec<_> = level.chunks(share).map(part).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| panic!("see above"))).collect()
        });
        level = Vec::new();
        for (counts, next) in parts {
            table.add(counts);
            level.extend(next);
        }
    }
    table
}

/// Every edge from these places, and the new places that they lead to, unless this level is the last.
fn explore(places: &[Place], met: &Met, struck: &Met, last: bool) -> (Table, Vec<Place>) {
    let (mut table, mut next) = (Table::default(), Vec::new());
    for (number, place) in places.iter().enumerate() {
        if number % STRIDE == 0 {
            told(place, || place.clone().comes_home());
            told(place, || place.clone().comes_out());
            table.healed += 1;
        }
        for (event, step) in Step::ALL.into_iter().enumerate() {
            let mut there = place.clone();
            let phase = place.stage.phase();
            let Some(trail) = told(place, || there.take(step, struck).transpose()) else { continue };
            table.edges += 1;
            *table.steps.entry((event, phase)).or_default() += 1;
            trail.moves.iter().for_each(|way| *table.ways.entry(*way).or_default() += 1);
            for point in Point::ALL {
                *table.kills.entry((phase, point as usize)).or_default() += trail.killed[point as usize];
            }
            let mut reached = vec![there];
            for (point, mut crashed) in trail.crashes {
                told(place, || crashed.restart(point).map_err(|wrong| format!("{step:?}, killed {point:?}: {wrong}")));
                table.restarts += 1;
                reached.push(crashed);
            }
            next.extend(reached.into_iter().filter(|place| !last && met.is_new(&place.shape())));
        }
    }
    (table, next)
}

/// What comes of it; a broken promise is told with the way that led there.
fn told<T>(place: &Place, doing: impl FnOnce() -> Result<T, String>) -> T {
    match catch_unwind(AssertUnwindSafe(doing)) {
        Ok(Ok(what)) => what,
        Ok(Err(wrong)) => panic!("{wrong}\nin {} after {:?}", place.stage.phase(), place.path),
        Err(panic) => {
            eprintln!("in {} after {:?}", place.stage.phase(), place.path);
            std::panic::resume_unwind(panic)
        }
    }
}
