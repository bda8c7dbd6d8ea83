//! What the walk came to, counted.

use std::collections::BTreeMap;
use std::fmt;

use keyward::model::Phase;

use super::alphabet::{Point, Step};
use super::promises::WAYS;

#[derive(Default)]
pub struct Table {
    pub states: u64,
    pub edges: u64,
    pub healed: u64,
    /// Daemons that were killed and started again, each state on disk once.
    pub restarts: u64,
    pub ways: BTreeMap<(Phase, Phase), u64>,
    /// Edges by phase, then by event.
    pub steps: BTreeMap<(usize, Phase), u64>,
    /// Kills by phase and point.
    pub kills: BTreeMap<(Phase, usize), u64>,
}

impl Table {
    pub fn add(&mut self, other: Table) {
        (self.states, self.edges) = (self.states + other.states, self.edges + other.edges);
        (self.healed, self.restarts) = (self.healed + other.healed, self.restarts + other.restarts);
        other.ways.into_iter().for_each(|(way, count)| *self.ways.entry(way).or_default() += count);
        other.steps.into_iter().for_each(|(cell, count)| *self.steps.entry(cell).or_default() += count);
        other.kills.into_iter().for_each(|(cell, count)| *self.kills.entry(cell).or_default() += count);
    }

    /// The cells that should not be empty and are, and those that should be and are not.
    pub fn missing(&self) -> Vec<String> {
        let ways = WAYS.iter().filter(|way| !self.ways.contains_key(way)).map(|(from, to)| format!("{from} > {to}"));
        let mut missing: Vec<String> = ways.collect();
        for phase in Phase::ALL {
            for (number, step) in Step::ALL.into_iter().enumerate() {
                match (step.can_be(phase), self.steps.contains_key(&(number, phase))) {
                    (true, false) => missing.push(format!("{step:?} in {phase}")),
                    (false, true) => missing.push(format!("no {step:?} in {phase}, for it cannot be")),
                    _ => {}
                }
            }
            for (number, point) in Point::ALL.into_iter().enumerate() {
                if !self.kills.contains_key(&(phase, number)) {
                    missing.push(format!("a kill {point:?} in {phase}"));
                }
            }
        }
        missing
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: u64 = self.kills.values().sum();
        writeln!(f, "{} states, {} edges, {kills} kills, {} restarts", self.states, self.edges, self.restarts)?;
        writeln!(f, "{} states healed and struck down to the end", self.healed)?;
        for ((from, to), count) in &self.ways {
            writeln!(f, "{:<46}{count:>10}", format!("{from} > {to}"))?;
        }
        let heads: String = Phase::ALL.iter().map(|phase| format!("{:>10}", phase.code())).collect();
        writeln!(f, "{:<46}{heads}", "edges")?;
        let line = |f: &mut fmt::Formatter<'_>, name: String, count: &dyn Fn(Phase) -> u64| {
            let cells: String = Phase::ALL.iter().map(|phase| format!("{:>10}", count(*phase))).collect();
            writeln!(f, "{name:<46}{cells}")
        };
        for (number, step) in Step::ALL.into_iter().enumerate() {
            line(f, format!("{step:?}"), &|phase| self.steps.get(&(number, phase)).copied().unwrap_or(0))?;
        }
        for (number, point) in Point::ALL.into_iter().enumerate() {
            line(f, format!("killed {point:?}"), &|phase| self.kills.get(&(phase, number)).copied().unwrap_or(0))?;
        }
        Ok(())
    }
}
