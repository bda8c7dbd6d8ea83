//! The simulation as a program: faults on every core, or one seed again.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::fault::Step;
use super::reference::Broken;
use super::schedule;
use super::setup::Setup;
use super::shrink;
use super::table::Table;
use super::world::World;

/// From so many faults on, every single cell must have been reached; the rarest are met a few times in ten million.
const ENOUGH_FOR_EVERY_CELL: u64 = 12_000_000;

/// What came of one seed.
pub struct Played {
    /// What it has covered.
    pub table: Table,
    /// The schedule and the promise that it broke.
    pub broken: Option<(Vec<Step>, Broken)>,
}

/// Plays one seed, with a focus on one mood or without.
pub fn play(seed: u64, focus: Option<usize>) -> Played {
    let setup = Setup::draw(seed);
    let steps = schedule::draw(&setup, focus);
    let mut world = World::new(setup, &steps, false);
    world.play();
    let broken = world.reference.broken().cloned().map(|broken| (steps, broken));
    let mut table = std::mem::take(&mut world.table);
    table.time = world.t;
    table.episodes = world.reference.episodes;
    Played { table, broken }
}

/// Plays seed after seed on every core until `faults` have struck or a promise was broken.
pub fn play_many(first: u64, faults: u64, focus: Option<usize>) -> Result<Table, String> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let (next, struck, failed) = (AtomicU64::new(first), AtomicU64::new(0), AtomicBool::new(false));
    let (total, report) = (Mutex::new(Table::default()), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut mine = Table::default();
                while struck.load(Ordering::Relaxed) < faults && !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let played = play(seed, focus);
                    struck.fetch_add(played.table.faults, Ordering::Relaxed);
                    mine.add(&played.table);
                    if let Some((steps, broken)) = played.broken
                        && !failed.swap(true, Ordering::Relaxed)
                    {
                        *report.lock().unwrap() = Some(shrink::report(&Setup::draw(seed), &steps, &broken));
                    }
                }
                total.lock().unwrap().add(&mine);
            });
        }
    });
    match report.into_inner().unwrap() {
        Some(report) => Err(report),
        None => Ok(total.into_inner().unwrap()),
    }
}

/// How many streams of seeds hunt for a bug.
const HUNTERS: u64 = 20;

/// Hunts for a bug with 20 streams of seeds, each for at most so many faults: a line that says how many found it, as an
/// error when not all of them did.
pub fn hunt(faults: u64, focus: Option<usize>) -> Result<String, String> {
    let mut found = Vec::new();
    let mut promises = std::collections::BTreeMap::new();
    for hunter in 0..HUNTERS {
        let mut struck = 0;
        for seed in (1_000_000 * (hunter + 1)).. {
            let played = play(seed, focus);
            struck += played.table.faults;
            if let Some((_, broken)) = played.broken {
                *promises.entry(broken.promise).or_insert(0) += 1;
                found.push(struck);
                break;
            }
            if struck >= faults {
                break;
            }
        }
    }
    found.sort_unstable();
    let named: Vec<String> = promises.iter().map(|(promise, times)| format!("{promise} ({times})")).collect();
    let (times, most) = (found.len(), found.last().copied().unwrap_or(0));
    let median = found.get(times / 2).copied().unwrap_or(0);
    let said = format!("{times} of {HUNTERS}, after {median} faults (at most {most}): {}", named.join(", "));
    if times as u64 == HUNTERS { Ok(said) } else { Err(said) }
}

/// Faults on every core, with a report of what they covered; with a focus on one mood not all is covered.
pub fn simulate(first: u64, faults: u64, focus: Option<usize>) -> Result<String, String> {
    let began = Instant::now();
    let table = play_many(first, faults, focus)?;
    let took = began.elapsed().as_secs_f64();
    let (reachable, reached, empty) = table.reached();
    let said = format!(
        "{} faults and orders in {:.1} simulated hours, {} episodes, {} trials of liveness: every promise was kept\n\
         {took:.1} s, {:.0} faults a second\n\
         {reached} of {reachable} cells phase x gate x fault x point were reached\n{}",
        table.faults,
        table.time as f64 / 3_600_000.0,
        table.episodes,
        table.trials,
        table.faults as f64 / took,
        table.text()
    );
    if focus.is_some() {
        return Ok(said);
    }
    let pairs = table.empty_pairs();
    if !pairs.is_empty() {
        return Err(format!("{said}\nnever met, although they can be:\n  {}", pairs.join("\n  ")));
    }
    if faults >= ENOUGH_FOR_EVERY_CELL && !empty.is_empty() {
        return Err(format!("{said}\n{} cells were never reached:\n  {}", empty.len(), empty.join("\n  ")));
    }
    Ok(said)
}

/// Does what the arguments say.
pub fn run(arguments: &[String]) -> ExitCode {
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    let focus = |at: usize| number(at).map(|focus| focus as usize);
    let result = match (arguments.first().map(String::as_str), number(1)) {
        (Some("faults"), Some(faults)) => simulate(number(2).unwrap_or(1), faults, focus(3)),
        (Some("hunt"), Some(faults)) => hunt(faults, focus(2)),
        (Some("seed"), Some(seed)) => match play(seed, focus(2)).broken {
            Some((steps, broken)) => Err(shrink::report(&Setup::draw(seed), &steps, &broken)),
            None => Ok(format!("seed {seed}: every promise was kept\n")),
        },
        _ => Err("faults NUMBER [FIRST SEED [MOOD]], hunt FAULTS [MOOD], or seed NUMBER [MOOD]".to_owned()),
    };
    match result {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(said) => {
            eprintln!("{said}");
            ExitCode::FAILURE
        }
    }
}
