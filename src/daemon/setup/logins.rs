//! Whether a copy would take a region's logins away: in an episode they are served by a replica of the region.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::pair::Pair;
use crate::daemon::memory;
use crate::model::Phase;
use crate::model::command::{Command, Reply};
use crate::model::view::{RegionView, Snapshot};

/// The most time for the daemon's answer.
const LIMIT: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const REPLY_BYTES: u64 = 64 * 1024 * 1024;

/// Why the replica must not be copied now; `None` when its rows serve nobody, or another replica does.
///
/// The running daemon knows best; without one, what it wrote down last counts, and of the other replicas nothing is
/// known then.
pub(super) async fn stopped_by_copy(pair: &Pair) -> Option<String> {
    let region = view(&pair.control_socket, &pair.region.0).await;
    let phase = match &region {
        Some(region) => region.phase,
        None => memory::phase_on_record(&pair.state_dir, &pair.region)?,
    };
    if !phase.in_episode() {
        return None;
    }
    let others = region.as_ref().map(|region| {
        let others = region.replicas.iter().filter(|replica| replica.name != pair.name.0);
        others.map(|replica| (replica.name.clone(), replica.gates.first().map(|gate| gate.sentence.clone()))).collect()
    });
    why_not(&pair.region.0, phase, others)
}

/// `others`: the region's other replicas, each with why it cannot serve; absent when nobody knows.
fn why_not(region: &str, phase: Phase, others: Option<Vec<(String, Option<String>)>>) -> Option<String> {
    let known = match others {
        None => "no daemon runs that knows of another replica".to_owned(),
        Some(others) if others.iter().any(|(_, gate)| gate.is_none()) => return None,
        Some(others) => match others.into_iter().next() {
            Some((name, Some(why))) => format!("{name} cannot serve it meanwhile: {why}"),
            _ => "it has no other replica".to_owned(),
        },
    };
    Some(format!(
        "region {region} is in phase {phase}, and {known}; nobody could log in there while this replica is copied: wait \
         until it is remote, or say --force"
    ))
}

async fn view(socket: &Path, region: &str) -> Option<RegionView> {
    let reply = tokio::time::timeout(LIMIT, status(socket)).await.ok()?.ok()?;
    let snapshot: Snapshot = serde_json::from_value(reply.data?).ok()?;
    snapshot.regions.into_iter().find(|view| view.name == region)
}

async fn status(socket: &Path) -> std::io::Result<Reply> {
    let (read, mut write) = UnixStream::connect(socket).await?.into_split();
    write.write_all(format!("{}\n", serde_json::to_string(&Command::Status)?).as_bytes()).await?;
    let mut line = Vec::new();
    BufReader::new(read.take(REPLY_BYTES)).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stops_no_logins_where_another_replica_passes_the_gates() {
        let other = |gate: Option<&str>| vec![("r2".to_owned(), gate.map(str::to_owned))];
        assert_eq!(why_not("R", Phase::Local, Some(other(None))), None);
        for (others, word) in [
            (Some(other(Some("r2 takes writes"))), "r2 takes writes"),
            (Some(Vec::new()), "no other replica"),
            (None, "no daemon runs"),
        ] {
            let why = why_not("R", Phase::Local, others).unwrap();
            assert!(why.contains(word) && why.contains("phase local") && why.contains("--force"), "{why}");
        }
    }
}
