//! What every kind of hook shares about one attempt: what it leaves to be read, what ends it early, how it fails.

use std::io;
use std::pin::Pin;

use super::leftover::Leftover;
use super::lock::RunPlace;
use crate::model::hook::HookEnd;

/// What a hook printed or was answered, and what else there is to say about its run. For the log and the control
/// socket only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The last 64 KiB of standard output and standard error, as they came, or the first 64 KiB of an answer's body;
    /// what is no UTF-8 is replaced.
    pub text: String,
    /// How many bytes before that were dropped.
    pub dropped_bytes: u64,
    /// A run of an earlier daemon that was in the way and has been dealt with.
    pub leftover: Option<Leftover>,
    /// Why this run could not be written down: a crash now could let the next run begin beside it. Worth an alert.
    pub unrecorded: Option<String>,
}

/// What ends a run before its time, and says why.
pub(super) type Stop = Pin<Box<dyn Future<Output = String> + Send>>;

pub(super) fn failed(why: impl Into<String>) -> HookEnd {
    HookEnd::Failed(why.into())
}

/// Why a run could not be written down, as a sentence.
pub(super) fn unrecorded(place: &RunPlace, error: &io::Error) -> String {
    format!(
        "the run cannot be written down in {}: {error}; make the folder writable and free some space",
        place.folder.display()
    )
}
