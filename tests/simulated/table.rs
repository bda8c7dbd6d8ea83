//! What has been covered: phase × gate × fault × point in the daemon's turn, each cell with its count.

use std::fmt::Write as _;

use keyward::model::{Gate, Phase};

use super::fault::{Kind, Point};

const GATES: usize = Gate::ALL.len() + 1;
const KINDS: usize = Kind::ALL.len();
const POINTS: usize = Point::ALL.len();
const PHASES: usize = Phase::ALL.len();

/// The counts.
#[derive(Clone, Debug)]
pub struct Table {
    cells: Vec<u64>,
    /// Faults and orders in all.
    pub faults: u64,
    /// Trials that ended well.
    pub trials: u64,
    /// Simulated time, in milliseconds.
    pub time: u64,
    /// Episodes that began.
    pub episodes: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self { cells: vec![0; PHASES * GATES * KINDS * POINTS], faults: 0, trials: 0, time: 0, episodes: 0 }
    }
}

/// A place along each of the four axes; gate 0 is none.
#[derive(Clone, Copy)]
struct Cell {
    phase: usize,
    gate: usize,
    kind: usize,
    point: usize,
}

fn every_cell() -> impl Iterator<Item = Cell> {
    (0..PHASES).flat_map(|phase| {
        (0..GATES).flat_map(move |gate| {
            (0..KINDS).flat_map(move |kind| (0..POINTS).map(move |point| Cell { phase, gate, kind, point }))
        })
    })
}

impl Cell {
    fn index(self) -> usize {
        ((self.phase * GATES + self.gate) * KINDS + self.kind) * POINTS + self.point
    }

    fn words(self) -> String {
        let (kind, point) = (Kind::ALL[self.kind].words(), Point::ALL[self.point].words());
        format!("{} / {} / {kind} / {point}", Phase::ALL[self.phase], gate_words(self.gate))
    }

    /// Why nothing can ever be counted here.
    fn unreachable(self) -> Option<&'static str> {
        let (kind, point, phase) = (Kind::ALL[self.kind], Point::ALL[self.point], Phase::ALL[self.phase]);
        if kind.is_trial() {
            Some("a trial heals everything and is no fault")
        } else if point == Point::Down && kind.needs_daemon() {
            Some("it takes a daemon that runs")
        } else if kind.is_request() && point != Point::Idle {
            Some("orders and signals reach the loop between two turns")
        } else if point == Point::HookBegun && !phase.in_episode() {
            Some("no hook begins outside an episode")
        } else {
            None
        }
    }
}

fn gate_words(gate: usize) -> &'static str {
    gate.checked_sub(1).map_or("open", |gate| Gate::ALL[gate].code())
}

impl Table {
    /// Counts a fault in the cell of every gate that is closed.
    pub fn count(&mut self, phase: Phase, closed: &[Gate], kind: Kind, point: Point) {
        self.faults += 1;
        let mut add = |gate| {
            let cell = Cell { phase: phase as usize, gate, kind: kind as usize, point: point as usize };
            self.cells[cell.index()] += 1;
        };
        if closed.is_empty() {
            add(0);
        }
        closed.iter().for_each(|gate| add(*gate as usize + 1));
    }

    /// Takes in what another run has covered.
    pub fn add(&mut self, other: &Table) {
        self.cells.iter_mut().zip(&other.cells).for_each(|(mine, theirs)| *mine += theirs);
        self.faults += other.faults;
        self.trials += other.trials;
        self.time += other.time;
        self.episodes += other.episodes;
    }

    /// How many cells can be reached, how many of them were, and the names of those that were not.
    pub fn reached(&self) -> (usize, usize, Vec<String>) {
        let reachable: Vec<Cell> = every_cell().filter(|cell| cell.unreachable().is_none()).collect();
        let empty: Vec<Cell> = reachable.iter().copied().filter(|cell| self.cells[cell.index()] == 0).collect();
        (reachable.len(), reachable.len() - empty.len(), empty.into_iter().map(Cell::words).collect())
    }

    /// The counts of one axis against the phases; `None` where nothing can be counted.
    fn rows(&self, rows: usize, row_of: fn(Cell) -> usize) -> Vec<[Option<u64>; PHASES]> {
        let mut counts = vec![[None; PHASES]; rows];
        for cell in every_cell().filter(|cell| cell.unreachable().is_none()) {
            *counts[row_of(cell)][cell.phase].get_or_insert(0) += self.cells[cell.index()];
        }
        counts
    }

    /// The reachable pairs of a phase and something else that were never met.
    pub fn empty_pairs(&self) -> Vec<String> {
        let mut empty = Vec::new();
        for axis in AXES {
            for (row, counts) in self.rows(axis.rows, axis.row_of).into_iter().enumerate() {
                let missing = (0..PHASES).filter(|phase| counts[*phase] == Some(0));
                empty.extend(missing.map(|phase| format!("{} in {}", (axis.words)(row), Phase::ALL[phase])));
            }
        }
        empty
    }

    /// The counts of two axes at a time, for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for axis in AXES {
            let heads = Phase::ALL.map(|phase| format!("{:>12}", phase.code())).concat();
            let _ = writeln!(text, "\n{:<32}{heads}", axis.title);
            for (row, counts) in self.rows(axis.rows, axis.row_of).into_iter().enumerate() {
                if counts.iter().any(Option::is_some) {
                    let shown = counts.map(|count| count.map_or("-".to_owned(), |count| count.to_string()));
                    let shown = shown.map(|count| format!("{count:>12}")).concat();
                    let _ = writeln!(text, "  {:<30}{shown}", (axis.words)(row));
                }
            }
        }
        text
    }
}

/// One of the axes that are shown against the phases.
struct Axis {
    title: &'static str,
    rows: usize,
    row_of: fn(Cell) -> usize,
    words: fn(usize) -> &'static str,
}

const AXES: [Axis; 3] = [
    Axis { title: "fault or order", rows: KINDS, row_of: |cell| cell.kind, words: |row| Kind::ALL[row].words() },
    Axis { title: "gate that was closed", rows: GATES, row_of: |cell| cell.gate, words: gate_words },
    Axis { title: "point in the turn", rows: POINTS, row_of: |cell| cell.point, words: |row| Point::ALL[row].words() },
];
