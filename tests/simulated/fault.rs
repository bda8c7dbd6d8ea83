//! What can go wrong or be ordered, and where in the daemon's turn it strikes: plain data, so that a schedule can be
//! printed, replayed and shrunk.

use std::fmt;

use super::time::Ms;

/// Names a closed list, once for its variants and their words.
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($variant:ident => $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($variant,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Its name in tables and stories.
            pub fn words(self) -> &'static str {
                match self { $($name::$variant => $words,)* }
            }
        }
    };
}

closed_list! {
    /// A kind of fault or order. Those up to `HookHalf` last; the others are over at once.
    Kind {
        MasterCrash => "master crashes",
        MasterFreeze => "master freezes",
        MasterSlow => "master is slow",
        LoginRefused => "login refused",
        TooMany => "too many connections",
        BeatsRefused => "beats refused",
        PartitionBoth => "partition both ways",
        ProbeCut => "keyward's path cut",
        ProbeRejected => "keyward's path rejects",
        LinkCut => "replica's path cut",
        AnswersLost => "master's answers lost",
        LinkOneWay => "nothing reaches the replica",
        Loss => "packet loss",
        Unshared => "an address leaves the stream",
        ReplicaDown => "replica down",
        ReplicaFrozen => "replica freezes",
        ReplicaPathCut => "path to the replica cut",
        ReplicaLags => "replica lags",
        SqlError => "SQL thread fails",
        OtherDaemon => "another daemon",
        WrongServer => "another server there",
        IsMaster => "replica is the master",
        Unstamped => "replica not set up",
        ForeignLink => "a foreign link",
        IdentityDown => "Keystone answers 5xx",
        IdentityHangs => "Keystone hangs",
        IdentityRefuses => "Keystone refuses us",
        LocalIdentityDown => "the region's own Keystone fails",
        StateUnwritable => "state cannot be written",
        ProxyDown => "HAProxy does not answer",
        ProxyWeak => "HAProxy without admin level",
        HookFails => "hook fails",
        HookHangs => "hook hangs",
        HookSlow => "hook is slow",
        HookHalf => "hook does half",
        ReplicaRestart => "replica restarts",
        ReplicaWritable => "replica made writable",
        SqlByHand => "SQL thread stopped by hand",
        ProxyReload => "HAProxy reloaded",
        ClockStep => "clock steps",
        Suspend => "machine suspended",
        Starved => "loop starved",
        Frozen => "daemon frozen",
        Killed => "daemon killed",
        Stopped => "daemon stopped",
        StateLost => "state file lost",
        StateDamaged => "state file damaged",
        ReloadMode => "reload: mode",
        ReloadHooks => "reload: hooks",
        ReloadPatience => "reload: patience",
        ReloadFailback => "reload: failback",
        Failover => "failover",
        FailoverForce => "failover --force",
        Failback => "failback",
        FailbackForce => "failback --force",
        Pause => "pause",
        PauseFor => "pause --for",
        Resume => "resume",
        Release => "release",
        Adopt => "adopt",
        Calm => "(calm)",
        Outage => "(outage)",
    }
}

impl Kind {
    /// How many kinds last.
    pub const LASTING: usize = Kind::HookHalf as usize + 1;

    /// Whether it lasts for a while.
    pub fn lasts(self) -> bool {
        (self as usize) < Self::LASTING
    }

    /// Whether it is a trial of the world and no fault.
    pub fn is_trial(self) -> bool {
        matches!(self, Kind::Calm | Kind::Outage)
    }

    /// Whether it reaches the daemon through its loop, between two turns: operators and signals.
    pub fn is_request(self) -> bool {
        (Kind::ReloadMode..=Kind::Adopt).contains(&self)
    }

    /// Whether it takes a daemon that runs.
    pub fn needs_daemon(self) -> bool {
        self.is_request() || matches!(self, Kind::Starved | Kind::Frozen)
    }

    /// Whether it ends the daemon.
    pub fn is_death(self) -> bool {
        matches!(self, Kind::Killed | Kind::Stopped | Kind::StateLost | Kind::StateDamaged)
    }

    /// Whether it strikes one hook.
    pub fn is_of_hook(self) -> bool {
        (Kind::HookFails..=Kind::HookHalf).contains(&self)
    }

    /// Whether it strikes the HAProxy of a hook.
    pub fn is_of_proxy(self) -> bool {
        matches!(self, Kind::ProxyDown | Kind::ProxyWeak | Kind::ProxyReload)
    }

    /// Whether it strikes RegionOne's Keystone.
    pub fn is_of_keystone(self) -> bool {
        matches!(self, Kind::IdentityDown | Kind::IdentityHangs | Kind::IdentityRefuses)
    }

    /// Whether it strikes one of the master's addresses, or all of them.
    pub fn is_of_address(self) -> bool {
        let links = [Kind::PartitionBoth, Kind::LinkCut, Kind::LinkOneWay];
        (self as usize) <= Kind::Unshared as usize && !links.contains(&self)
    }

    /// Whether it strikes one replica.
    pub fn is_of_replica(self) -> bool {
        let others = [Kind::LinkCut, Kind::LinkOneWay, Kind::ReplicaRestart, Kind::ReplicaWritable, Kind::SqlByHand];
        others.contains(&self) || (Kind::ReplicaDown..=Kind::ForeignLink).contains(&self)
    }
}

closed_list! {
    /// Where in the daemon's cycle something strikes: after the named effect, before the next.
    Point {
        Idle => "idle",
        Inputs => "inputs",
        Decided => "decided",
        Marked => "marked",
        Saved => "saved",
        Told => "told",
        HookBegun => "hook begun",
        Kept => "kept",
        Ordered => "ordered",
        Published => "published",
        Down => "down",
    }
}

/// One fault or order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// For how long, for those that last, and for the pauses of the daemon.
    pub lasts: Ms,
    /// What else it needs: which replica, which hook, how much.
    pub arg: u32,
}

/// One entry of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Counted from the entry before it.
    pub wait: Ms,
    /// Where in the turn it strikes.
    pub point: Point,
    /// It waits for a turn in which something is decided.
    pub keen: bool,
    /// What strikes.
    pub fault: Fault,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { kind, lasts, arg } = self.fault;
        write!(f, "+{:>6} ms  {:<30} lasts {lasts} ms, argument {arg}", self.wait, kind.words())?;
        if self.point != Point::Idle {
            let keen = if self.keen { " of a turn that decides" } else { "" };
            write!(f, ", at \"{}\"{keen}", self.point.words())?;
        }
        Ok(())
    }
}
