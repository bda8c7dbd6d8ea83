//! The README's table of commands by phase, walked cell by cell: each phrase in it is a check, in every cell that has
//! it, with hooks running and without.

use std::fs;
use std::path::Path;

use keyward::judge::RegionMemory;
use keyward::model::Phase;
use keyward::model::phase::Mode;

use crate::rows::{Row, pause, reload, rows, stage_in};
use crate::stage::{REASON, Stage, rules};

const HEADING: &str = "Commands by phase";

/// One cell, with hooks running or without.
#[derive(Clone, Copy, Debug)]
struct Cell {
    row: Row,
    phase: Phase,
    busy: bool,
}

impl Cell {
    fn stage(self) -> Stage {
        stage_in(self.phase, self.busy)
    }

    /// After the command, which must be accepted.
    fn done(self) -> Stage {
        self.done_on(self.stage())
    }

    fn done_on(self, mut stage: Stage) -> Stage {
        let reply = self.row.give(&mut stage);
        assert!(reply.ok, "{self:?}: {}", reply.message);
        stage
    }

    /// The command is refused and changes nothing.
    fn is_refused_on(self, mut stage: Stage, pieces: &[&str]) {
        let before = stage.memory().clone();
        let reply = self.row.give(&mut stage);
        assert!(!reply.ok, "{self:?}: {}", reply.message);
        for piece in pieces {
            assert!(reply.message.contains(piece), "{self:?}: {piece:?} is not in: {}", reply.message);
        }
        assert_eq!(*stage.memory(), before, "{self:?} was refused and changed something");
    }

    /// The stages in which keyward is held, with the hold's name.
    fn held(self) -> Vec<(Stage, &'static str)> {
        let mut paused = self.stage();
        paused.order(&pause());
        let mut off = self.stage();
        reload(&mut off, Mode::Off);
        vec![(paused, "paused"), (off, "mode")]
    }

    /// From here on nothing but time passes, hooks succeed, and the phase stays.
    fn stays(self, mut stage: Stage) {
        let started = stage.started.len();
        for lives in [true, false, true, false] {
            stage.master(lives);
            for _ in 0..60 {
                stage.pass_with_hooks(1);
                let calm = [Phase::Remote, Phase::Suspect].contains(&self.phase) && !stage.phase().in_episode();
                assert!(
                    stage.phase() == self.phase || calm,
                    "{self:?} became {}: {:#?}",
                    stage.phase(),
                    stage.sentences()
                );
            }
        }
        assert_eq!(stage.started[started..], [""; 0], "{self:?} started hooks");
    }

    fn acts_again(self) {
        let mut stage = self.done();
        stage.master(false);
        stage.until(Phase::Switching);
        let mut stage = self.done();
        stage.master(true);
        stage.until(Phase::Remote);
        stage.pass_with_hooks(60);
        assert_eq!((stage.phase(), stage.started.len()), (Phase::Remote, 0), "{self:?}");
    }

    /// The hooks of the phase run to their end.
    fn goes_on(self, mut stage: Stage) {
        let (end, way, last) = match self.phase {
            Phase::Switching => (Phase::Local, "failover", "second"),
            Phase::Returning => (Phase::Remote, "failback", "first"),
            other => panic!("no hooks of {other}"),
        };
        stage.until(end);
        assert!(stage.started.contains(&format!("{way} {last}")), "{self:?}: {:?}", stage.started);
        assert_eq!(stage.memory().episode.as_ref().map_or(1, |episode| episode.turn), 1, "{self:?} turned");
    }

    fn comes_home(self) {
        let mut stage = self.done();
        stage.pass_with_hooks(30);
        assert_eq!(stage.phase(), Phase::Local, "{self:?}: the master is dead");
        stage.master(true);
        stage.until(Phase::Remote);
    }

    fn no_change(self) {
        let mut stage = self.stage();
        let before = stage.memory().clone();
        let reply = self.row.give(&mut stage);
        assert!(reply.ok && reply.message.contains("nothing changes"), "{self:?}: {}", reply.message);
        assert_eq!(*stage.memory(), before, "{self:?}");
    }

    /// The way out has begun by hand: a new episode, or the next turn of the one under way.
    fn is_turned_out(self, stage: Stage, before: &RegionMemory) {
        self.is_turned(stage, before, Phase::Switching, Phase::Local);
    }

    fn is_turned(self, mut stage: Stage, before: &RegionMemory, to: Phase, end: Phase) {
        assert_eq!(stage.phase(), to, "{self:?}");
        let episode = stage.memory().episode.clone().unwrap();
        assert!(episode.ordered && episode.reason.contains(REASON), "{self:?}: {episode:?}");
        match &before.episode {
            Some(old) => assert_eq!((&episode.id, episode.turn), (&old.id, old.turn + 1), "{self:?}"),
            None => assert_eq!(episode.turn, 1, "{self:?}"),
        }
        if self.busy && before.episode.is_some() {
            let started = stage.started.len();
            stage.pass(5);
            assert_eq!(stage.started.len(), started, "{self:?}: a hook began beside one of the earlier turn");
        }
        stage.until(end);
        if end == Phase::Local {
            stage.master(true);
            stage.pass_with_hooks(90);
            assert_eq!(stage.phase(), Phase::Local, "{self:?}: what began by hand ends by hand");
        }
    }

    fn turns_out(self) {
        let stage = self.stage();
        let before = stage.memory().clone();
        self.is_turned_out(self.done_on(stage), &before);
        for (stage, hold) in self.held() {
            self.is_refused_on(stage, &["gate ", hold, "--force passes"]);
        }
        let mut stage = self.stage();
        stage.facts.read_only = false;
        stage.pass(1);
        self.is_refused_on(stage, &["gate replica_writable", "not even --force"]);
    }

    fn turns_out_past_gates(self) {
        for (stage, hold) in self.held() {
            let before = stage.memory().clone();
            let stage = self.done_on(stage);
            assert!(stage.sentences().iter().any(|told| told.contains("past gate") && told.contains(hold)), "{self:?}");
            self.is_turned_out(stage, &before);
        }
        let mut stage = self.stage();
        stage.facts.read_only = false;
        stage.pass(1);
        self.is_refused_on(stage, &["gate replica_writable", "not even --force"]);
    }

    fn turns_home_if_healthy(self) {
        let mut stage = self.stage();
        stage.master(false);
        stage.pass(10);
        self.is_refused_on(stage, &["does not answer keyward", "--force"]);
        for (mut stage, hold) in self.held() {
            stage.master(true);
            stage.pass(5);
            self.is_refused_on(stage, &[hold, "--force"]);
        }
        let mut stage = self.stage();
        stage.master(true);
        stage.pass(5);
        let before = stage.memory().clone();
        self.is_turned(self.done_on(stage), &before, Phase::Returning, Phase::Remote);
    }

    fn turns_home(self) {
        let mut stages = vec![self.stage()];
        stages.extend(self.held().into_iter().map(|(stage, _)| stage));
        for stage in stages {
            let before = stage.memory().clone();
            let mut stage = self.done_on(stage);
            assert!(stage.sentences().last().unwrap().contains("rests"), "{self:?}: {:?}", stage.sentences().last());
            stage.until(Phase::Remote);
            stage.pass_with_hooks(60);
            assert!(!stage.phase().in_episode(), "{self:?}: the master is dead, and automatic failover rests");
            self.is_turned(self.done_on(self.stage()), &before, Phase::Returning, Phase::Remote);
        }
    }

    /// What the phrase in the cell says.
    fn check(self, phrase: &str) {
        let (outside, local) = (!self.phase.in_episode(), self.phase == Phase::Local);
        match phrase {
            "no failover" if outside => self.stays(self.done()),
            "stops" if !outside && !local => self.stays(self.done()),
            "stays local" if local => self.stays(self.done()),
            "acts again" if outside => self.acts_again(),
            "goes on" => self.goes_on(self.done()),
            "goes on, past a pause" => {
                self.goes_on(self.done());
                self.held().into_iter().for_each(|(stage, _)| self.goes_on(self.done_on(stage)));
            }
            "comes home" if local => self.comes_home(),
            "no change" => self.no_change(),
            "refused" => self.is_refused_on(self.stage(), &["already"]),
            "turns out" => self.turns_out(),
            "turns out, past gates" => self.turns_out_past_gates(),
            "turns home if healthy" => self.turns_home_if_healthy(),
            "turns home" => self.turns_home(),
            other => panic!("{self:?}: the table says {other:?}, which says nothing here"),
        }
    }
}

/// The table below the README's heading: its rows, cell by cell, the head first.
fn table() -> Vec<Vec<String>> {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split(&format!("\n## {HEADING}\n")).nth(1).expect("the README has the table");
    let lines = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    let mut rows: Vec<Vec<String>> = lines.map(cells).collect();
    rows.remove(1);
    rows
}

#[test]
fn every_cell_of_the_readmes_table_is_true() {
    let mut rows_left = table();
    let head = rows_left.remove(0);
    let phases: Vec<String> = Phase::ALL.iter().map(|phase| format!("`{phase}`")).collect();
    assert_eq!(head[1..], phases);
    assert_eq!(rows_left.len(), 10, "rows are missing");
    let mut cells = 0;
    for line in rows_left {
        for row in rows(&line[0]) {
            for (phrase, phase) in line[1..].iter().zip(Phase::ALL) {
                for busy in [true, false] {
                    Cell { row, phase, busy }.check(phrase);
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 11 * 5 * 2);
}

/// A manual region is turned by hand: an order takes a frozen turn over.
#[test]
fn in_manual_mode_the_same_command_lets_a_frozen_turn_go_on() {
    for (phase, row, end) in [
        (Phase::Switching, Row::Failover { force: false }, Phase::Local),
        (Phase::Returning, Row::Failback { force: false }, Phase::Remote),
    ] {
        for busy in [true, false] {
            let mut stage = stage_in(phase, busy);
            reload(&mut stage, Mode::Manual);
            stage.pass_with_hooks(60);
            assert_eq!(stage.phase(), phase, "it is frozen");
            let reply = row.give(&mut stage);
            assert!(reply.ok && reply.message.contains("go on by your order"), "{}", reply.message);
            stage.until(end);
        }
    }
}

/// The newest order wins.
#[test]
fn a_pause_stops_a_forced_turn_too() {
    for hold in [Row::Pause, Row::ModeOff] {
        let mut stage = Stage::healthy(rules(Mode::Auto));
        stage.order(&pause());
        assert!(Row::Failover { force: true }.give(&mut stage).ok);
        stage.pass(2);
        hold.give(&mut stage);
        stage.pass_with_hooks(60);
        assert_eq!(stage.phase(), Phase::Switching, "{hold:?}: {:?}", stage.sentences());
        assert!(!Row::Failover { force: false }.give(&mut stage).ok, "{hold:?}");
        assert!(Row::Failover { force: true }.give(&mut stage).ok, "{hold:?}");
        stage.until(Phase::Local);
    }
}
