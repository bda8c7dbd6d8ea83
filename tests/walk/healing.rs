//! Liveness: from wherever the walk has come to, a healed world brings the region home, and a dead master brings it out.

use keyward::model::command::Command;
use keyward::model::phase::Mode;
use keyward::model::{Phase, Reason};

use super::alphabet::Point;
use super::place::{Met, Place, Trail};
use super::stage::{REASON, region};

/// Longer than any pause between two attempts and any damping that a walk comes to.
const SECONDS: u32 = 300;

impl Place {
    /// Everything but the master is well, nothing is held, and hooks work.
    fn heal(&mut self) {
        self.stage.replica = Ok(());
        self.stage.facts.read_only = true;
        self.stage.applies = true;
        self.stage.saved = Ok(());
        self.stage.order(&Command::Resume { region: None });
        self.ledger.reloaded(self.stage.rules.mode, Mode::Auto);
        self.stage.reload(|rules| rules.mode = Mode::Auto);
    }

    fn master_lives(&mut self, lives: bool) {
        self.stage.probe = if lives { Ok(()) } else { Err(Reason::Refused) };
        self.stage.link = lives;
    }

    fn second(&mut self) -> Result<(), String> {
        let met = Met::default();
        let mut trail = Trail { met: &met, killed: [0; Point::ALL.len()], moves: Vec::new(), crashes: Vec::new() };
        for run in std::mem::take(&mut self.stage.running) {
            self.ledger.ended(&run, true);
            self.stage.end_hook(run, true);
        }
        self.look();
        self.turn(&mut trail)
    }

    /// The region is home in the end; an operator brings it there where an operator has turned it.
    pub fn comes_home(mut self) -> Result<(), String> {
        self.heal();
        self.master_lives(true);
        for second in 0..SECONDS {
            self.second()?;
            let manual = self.stage.memory().episode.as_ref().is_some_and(|episode| episode.manual);
            if self.stage.phase() == Phase::Remote {
                return Ok(());
            }
            if manual && second % 10 == 9 && self.stage.phase() == Phase::Local {
                let back = Command::Failback { region: region(), force: false, reason: REASON.into() };
                let reply = self.stage.order(&back);
                self.ledger.ordered(super::alphabet::Order::Failback { force: false }, reply.ok, self.stage.memory());
            }
        }
        Err(format!("everything is healed and the region is still {}", self.stage.phase()))
    }

    /// The region is local in the end.
    pub fn comes_out(mut self) -> Result<(), String> {
        self.heal();
        let known = self.ledger.proven() && !self.stage.facts.beats.is_empty();
        if !known || self.stage.memory().resting {
            self.master_lives(true);
            for _ in 0..6 {
                self.second()?;
            }
        }
        self.master_lives(false);
        for _ in 0..SECONDS {
            self.second()?;
            if self.stage.phase() == Phase::Local {
                return Ok(());
            }
        }
        Err(format!("the master is dead, no gate is closed, and the region is still {}", self.stage.phase()))
    }
}
