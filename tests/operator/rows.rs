//! The rows of the README's table as commands, and a region in each phase to give them to.

use keyward::model::Phase;
use keyward::model::command::{Command, Reply};
use keyward::model::phase::Mode;

use crate::stage::{REASON, Stage, region, rules};

/// A row of the table: the command, given to a region in some phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    Pause,
    Resume,
    ModeManual,
    ModeOff,
    ModeAuto,
    Failover { force: bool },
    Failback { force: bool },
    Release,
    Adopt,
}

/// The rows that a name in the table stands for.
pub fn rows(name: &str) -> Vec<Row> {
    match name {
        "`pause`" => vec![Row::Pause],
        "`resume`" => vec![Row::Resume],
        "`mode` to `manual` or `off`, SIGHUP" => vec![Row::ModeManual, Row::ModeOff],
        "`mode` back to `auto`, SIGHUP" => vec![Row::ModeAuto],
        "`failover`" => vec![Row::Failover { force: false }],
        "`failover --force`" => vec![Row::Failover { force: true }],
        "`failback`" => vec![Row::Failback { force: false }],
        "`failback --force`" => vec![Row::Failback { force: true }],
        "`release`" => vec![Row::Release],
        "`adopt`" => vec![Row::Adopt],
        other => panic!("the table has a row {other}"),
    }
}

pub fn pause() -> Command {
    Command::Pause { region: Some(region()), seconds: None, reason: REASON.into() }
}

fn release() -> Command {
    Command::Release { region: region(), replica: None, reason: REASON.into() }
}

impl Row {
    /// Gives the command, after what it takes back where it takes something back.
    pub fn give(self, stage: &mut Stage) -> Reply {
        let reason = REASON.to_owned();
        match self {
            Row::Pause => stage.order(&pause()),
            Row::Resume => {
                stage.order(&pause());
                stage.pass(3);
                stage.order(&Command::Resume { region: Some(region()) })
            }
            Row::ModeManual => reload(stage, Mode::Manual),
            Row::ModeOff => reload(stage, Mode::Off),
            Row::ModeAuto => {
                reload(stage, Mode::Off);
                stage.pass(3);
                reload(stage, Mode::Auto)
            }
            Row::Failover { force } => stage.order(&Command::Failover { region: region(), force, reason }),
            Row::Failback { force } => stage.order(&Command::Failback { region: region(), force, reason }),
            Row::Release => stage.order(&release()),
            Row::Adopt => {
                stage.order(&release());
                stage.pass(3);
                stage.order(&Command::Adopt { region: region(), replica: None })
            }
        }
    }
}

pub fn reload(stage: &mut Stage, mode: Mode) -> Reply {
    stage.reload(|rules| rules.mode = mode);
    Reply::done("the settings were read again")
}

/// A region in the phase; `busy`: a hook of its runs. Not busy while hooks are due: the one in line has just failed.
pub fn stage_in(phase: Phase, busy: bool) -> Stage {
    let mut stage = Stage::healthy(rules(Mode::Auto));
    if phase == Phase::Remote {
        return stage;
    }
    stage.master(false);
    while stage.phase() != Phase::Suspect {
        stage.pass(1);
    }
    stage.pass(2);
    if phase == Phase::Suspect {
        return stage;
    }
    while stage.phase() != Phase::Switching {
        stage.pass(1);
    }
    if phase != Phase::Switching {
        let beside = stage.running.iter().position(|run| run.spec.name == "beside").expect("it is started at once");
        let beside = stage.running.remove(beside);
        stage.until(Phase::Local);
        stage.running.push(beside);
    }
    if phase == Phase::Returning {
        stage.end_hooks(true);
        stage.master(true);
        while stage.phase() != Phase::Returning {
            stage.pass(1);
        }
    }
    assert!(!stage.running.is_empty(), "a hook runs in {phase}");
    if !busy {
        stage.end_hooks(false);
    }
    assert_eq!(stage.phase(), phase);
    stage
}
