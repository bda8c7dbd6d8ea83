//! Everything that can reach the loop.

use crate::model::haproxy::{Change, HaproxyLook};
use crate::model::hook::HookOutcome;
use crate::model::identity::IdentityLook;
use crate::model::observation::{BeatOutcome, BinlogFacts, Look, MasterFacts, ReplicaFacts};
use crate::model::upkeep::{UpkeepFailure, UpkeepStep};
use crate::model::view::DoctorView;
use crate::model::{RegionName, ReplicaName};

/// One thing that was seen, or that came of an action.
pub enum Input {
    /// A look at one of the master's addresses, by its number in the settings.
    Master(usize, Look<MasterFacts>),
    /// A look at a replica.
    Replica(RegionName, ReplicaName, Box<Look<ReplicaFacts>>),
    /// How long one of the master's addresses, by its number in the settings, keeps its binary logs.
    Binlogs(usize, BinlogFacts),
    /// A beat at one of the master's addresses, by its number in the settings.
    Beat(usize, BeatOutcome),
    /// A look at RegionOne's Keystone.
    Identity(Box<IdentityLook>),
    /// A look at a region's own Keystone.
    LocalIdentity(RegionName, Box<IdentityLook>),
    /// The end of a hook's run.
    Hook(RegionName, HookOutcome),
    /// A look at the HAProxy of a hook.
    Haproxy(RegionName, String, HaproxyLook),
    /// The end of setting it again: what was changed, or why not; nothing when a hook's run was in the way.
    Level(RegionName, String, Option<Result<Vec<Change>, String>>),
    /// A look at the program of a hook: why it could not be run now.
    Program(RegionName, String, Option<String>),
    /// The end of an upkeep.
    Upkeep(RegionName, ReplicaName, Result<Vec<UpkeepStep>, UpkeepFailure>),
    /// The end of a comparison: how many tables differ and the sentence, or why there is no result.
    Verified(RegionName, ReplicaName, Result<(usize, String), String>),
    /// The end of an examination; nothing when it was given up.
    Examined(Option<Box<DoctorView>>),
    /// The end of a set-up by the daemon: the sentence, and whether the replica is set up now.
    Setup(RegionName, ReplicaName, String, bool),
}
