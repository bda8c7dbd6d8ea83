//! The streams: each has a connection to the master's snapshot and one to the replica, and takes what is left to do.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use super::board::{Board, Claim, Place};
use super::rows::{self, Piece};
use super::{CopyError, Job, PATIENCE, Shared, indexes, load, prepare_target, while_doing};
use crate::dialect::text::fill;
use crate::model::Reason;
use crate::wire::same::is_same_server;
use crate::wire::session::Session;

const RELEASE: &str = include_str!("../../sql/common/snapshot-release.sql");
const NAMES_BINARY: &str = include_str!("../../sql/common/names-binary.sql");
const NAMES_UTF8: &str = include_str!("../../sql/common/names-utf8.sql");

/// Rows that are as long on average are written with INSERT, where a statement may be so long that any row fits.
const LONG_ROW: u64 = 1024 * 1024;
const FOR_LONG_ROWS: u64 = 40 * 1024 * 1024;

/// One stream.
pub struct Stream {
    /// In the snapshot.
    pub source: Session,
    /// On the replica.
    pub target: Session,
}

/// Gives every snapshot its connection to the replica; there may be fewer of these.
///
/// # Errors
/// Why there is not even one.
pub async fn open(job: &mut Job<'_>, sources: Vec<Session>) -> Result<Vec<Stream>, CopyError> {
    let doing = || while_doing("connect the streams");
    let mut streams: Vec<Stream> = Vec::with_capacity(sources.len());
    for source in sources {
        match Session::open(job.target_target, job.target.who(), PATIENCE).await {
            Ok(mut target) => {
                if !is_same_server(job.target, &mut target).await.map_err(doing())? {
                    let sentence = "two connections to one address reach two servers: name the server itself";
                    return Err(doing()(job.target.trouble(sentence)));
                }
                prepare_target(&mut target).await?;
                target.run(fill(NAMES_BINARY, &[])).await.map_err(doing())?;
                streams.push(Stream { source, target });
            }
            Err(trouble) if !streams.is_empty() && trouble.failure.reason == Reason::TooManyConnections => break,
            Err(trouble) => return Err(doing()(trouble)),
        }
    }
    Ok(streams)
}

/// Lets the streams work until nothing is left.
///
/// # Errors
/// The first that went wrong with any of them; the others are stopped.
pub async fn run(streams: &mut [Stream], board: &Board<'_>, shared: &Shared<'_>) -> Result<(), CopyError> {
    all(streams.iter_mut().map(|stream| work(stream, board, shared))).await
}

async fn work(stream: &mut Stream, board: &Board<'_>, shared: &Shared<'_>) -> Result<(), CopyError> {
    loop {
        // before the look at the board, so that no ring is missed
        let bell = board.bell.notified();
        match board.claim() {
            Claim::Done => return Ok(()),
            Claim::Wait => bell.await,
            Claim::Rows { at, place, after, rows } => {
                shared.tally.begun(place.name());
                let mut piece = Piece::new(at, &place);
                if let Some(key) = &place.table.key {
                    let mut most = None;
                    if let Some(rows) = rows {
                        let cut = key.cut(&mut stream.source, (place.schema, place.table), after.as_ref(), rows);
                        let cut = cut.await.map_err(|trouble| rows::reading(&place, trouble))?;
                        // both count the same rows of the same snapshot, so that the cut is the piece's last row
                        most = cut.as_ref().map(|_| rows);
                        board.cut(at, cut);
                    }
                    piece.limit(&place, key, after.as_ref(), most);
                }
                copy(stream, &place, &piece, shared).await?;
                board.written(at);
            }
            Claim::Indexes(at, place) => {
                if place.table.deferred.as_ref().is_some_and(|deferred| !deferred.indexes.is_empty()) {
                    add_indexes(&mut stream.target, &place).await?;
                }
                shared.tally.done(at);
                board.finished(at);
            }
        }
    }
}

async fn copy(stream: &mut Stream, place: &Place<'_>, piece: &Piece<'_>, shared: &Shared<'_>) -> Result<(), CopyError> {
    // a server puts a long field of a LOAD DATA together in small steps, copying all of it at each
    let long = place.table.bytes / place.table.rows.max(1) >= LONG_ROW && shared.max_allowed_packet >= FOR_LONG_ROWS;
    let outcome = match shared.load && !long {
        true => load::piece(stream, piece, shared).await,
        false => rows::insert(stream, piece, shared).await,
    };
    outcome.map_err(|stop| rows::explain(place, stop, shared))?;
    let released = stream.source.run(fill(RELEASE, &[])).await;
    released.map_err(while_doing(format!("copy {}", place.name())))
}

async fn add_indexes(target: &mut Session, place: &Place<'_>) -> Result<(), CopyError> {
    let doing = || while_doing(format!("add the indexes of {}", place.name()));
    target.run(fill(NAMES_UTF8, &[])).await.map_err(doing())?;
    // sorting takes its time, in proportion to what there is to sort
    target.set_limit(PATIENCE + std::time::Duration::from_secs((place.table.bytes + place.table.index_bytes) >> 20));
    indexes::add(target, place.schema, place.table).await?;
    target.set_limit(PATIENCE);
    target.run(fill(NAMES_BINARY, &[])).await.map_err(doing())
}

/// Waits for all of some futures, each polled by the one task; the first error ends it.
///
/// # Errors
/// The first error.
pub async fn all<F, E>(futures: impl Iterator<Item = F>) -> Result<(), E>
where
    F: Future<Output = Result<(), E>>,
{
    let mut running: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    std::future::poll_fn(move |context| {
        let mut at = 0;
        while at < running.len() {
            match running[at].as_mut().poll(context) {
                Poll::Ready(Ok(())) => drop(running.swap_remove(at)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => at += 1,
            }
        }
        if running.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await
}
