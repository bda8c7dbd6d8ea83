//! What can happen: a closed list.

use keyward::model::Phase;
use keyward::model::phase::Mode;

/// What the master does with keyward's own looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    Answers,
    Fails,
    Refuses,
}

/// What the looks at the replica show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Fine,
    Writable,
    Gone,
    Lagging,
}

/// What an operator orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Failover { force: bool },
    Failback { force: bool },
    Pause,
    Resume,
}

/// What passes while nothing else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// One look.
    Look,
    /// `unreachable_after`, and a look.
    Patience,
    /// `failback_after`, and a look.
    Health,
    /// Nobody watches, for less than `unreachable_after`.
    Nap,
    /// Nobody watches, for longer.
    Sleep,
}

/// One thing that happens; a turn of the daemon follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Master(Probe),
    Link { alive: bool },
    Replica(Shown),
    Hook { required: bool, well: bool },
    Order(Order),
    Reload(Mode),
    Save { works: bool },
    Time(Span),
}

impl Step {
    /// Everything that can happen.
    pub const ALL: [Step; 29] = [
        Step::Master(Probe::Answers),
        Step::Master(Probe::Fails),
        Step::Master(Probe::Refuses),
        Step::Link { alive: true },
        Step::Link { alive: false },
        Step::Replica(Shown::Fine),
        Step::Replica(Shown::Writable),
        Step::Replica(Shown::Gone),
        Step::Replica(Shown::Lagging),
        Step::Hook { required: true, well: true },
        Step::Hook { required: true, well: false },
        Step::Hook { required: false, well: true },
        Step::Hook { required: false, well: false },
        Step::Order(Order::Failover { force: false }),
        Step::Order(Order::Failover { force: true }),
        Step::Order(Order::Failback { force: false }),
        Step::Order(Order::Failback { force: true }),
        Step::Order(Order::Pause),
        Step::Order(Order::Resume),
        Step::Reload(Mode::Auto),
        Step::Reload(Mode::Manual),
        Step::Reload(Mode::Off),
        Step::Save { works: true },
        Step::Save { works: false },
        Step::Time(Span::Look),
        Step::Time(Span::Patience),
        Step::Time(Span::Health),
        Step::Time(Span::Nap),
        Step::Time(Span::Sleep),
    ];

    /// Whether it can happen in a phase at all: required hooks run on the ways out and back only.
    pub fn can_be(self, phase: Phase) -> bool {
        let on_the_way = matches!(phase, Phase::Switching | Phase::Returning);
        on_the_way || !matches!(self, Step::Hook { required: true, .. })
    }
}

/// Where in its turn the daemon is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// It has decided and not yet saved.
    BeforeSaving,
    /// It has saved and not yet told.
    BeforeTelling,
    /// It has told and not yet started hooks.
    BeforeStarting,
    /// Hooks have begun; their ends are never heard of.
    HooksBegun,
}

impl Point {
    /// Every point, in the order of the turn.
    pub const ALL: [Point; 4] = [Point::BeforeSaving, Point::BeforeTelling, Point::BeforeStarting, Point::HooksBegun];
}
