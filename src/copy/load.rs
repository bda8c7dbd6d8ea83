//! One piece of a table as a stream: read on the master, loaded on the replica, nothing in between but a few buffers.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream as Flow;
use mysql_async::prelude::Queryable as _;
use mysql_async::{InfileData, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::columns;
use super::rows::{self, Piece, Stop};
use super::streams::Stream;
use super::{PATIENCE, Shared};
use crate::wire::session::{Session, Trouble};

/// Rows are handed over in buffers of about this many bytes.
const BUFFER_BYTES: usize = 64 * 1024;
/// Buffers on their way between reading and writing.
const BUFFERS: usize = 2;

/// Copies a piece; the rows are there when it returns.
///
/// # Errors
/// Why not; both connections are closed then, as either may be in the middle of something.
pub async fn piece(stream: &mut Stream, piece: &Piece<'_>, shared: &Shared<'_>) -> Result<(), Stop> {
    let (sender, receiver) = mpsc::channel(BUFFERS);
    let (told, ended) = oneshot::channel();
    let (source, target) = (&mut stream.source, &mut stream.target);
    let outcome = tokio::try_join!(
        async {
            let rows = read(source, piece, shared, sender).await?;
            // from now on the replica may take its time for the commit only
            let _ = told.send(());
            Ok(rows)
        },
        write(target, piece, receiver, ended),
    );
    let (rows, (taken, warnings)) = match outcome {
        Ok(both) => both,
        Err(stop) => {
            stream.source.close();
            stream.target.close();
            return Err(stop);
        }
    };
    rows::judge_warnings(&mut stream.target, warnings, &piece.bare).await?;
    if rows != taken {
        let sentence = format!("of {rows} rows only {taken} were taken");
        return Err(Stop::Writing(stream.target.trouble(&sentence)));
    }
    Ok(())
}

/// Reads the rows and hands them over, escaped; how many there were.
async fn read(
    source: &mut Session,
    piece: &Piece<'_>,
    shared: &Shared<'_>,
    sender: mpsc::Sender<Bytes>,
) -> Result<u64, Stop> {
    let who = source.who().to_owned();
    let late = || Stop::Reading(Trouble::timed_out(&who, PATIENCE));
    let failed = |error: mysql_async::Error| Stop::Reading(Trouble::new(&who, &error));
    let conn = source.lend().map_err(Stop::Reading)?;
    let mut result = timeout(PATIENCE, conn.query_iter(&*piece.read)).await.map_err(|_| late())?.map_err(failed)?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4);
    let (mut rows, mut fresh) = (0, 0);
    loop {
        let row = timeout(PATIENCE, result.next()).await.map_err(|_| late())?.map_err(failed)?;
        if let Some(row) = &row {
            for at in 0..piece.columns {
                if at > 0 {
                    buffer.push(b'\t');
                }
                let bytes = match row.as_ref(at) {
                    Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
                    _ => None,
                };
                columns::push_field(&mut buffer, bytes);
            }
            buffer.push(b'\n');
            (rows, fresh) = (rows + 1, fresh + 1);
        }
        if buffer.len() >= BUFFER_BYTES || (row.is_none() && !buffer.is_empty()) {
            let full = std::mem::replace(&mut buffer, Vec::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4));
            shared.throttle.pay(full.len()).await;
            shared.tally.read(piece.at, std::mem::take(&mut fresh), full.len() as u64);
            match timeout(PATIENCE, sender.send(full.into())).await {
                Ok(Ok(())) => {}
                // the writer has ended, and says why at once; this sentence is for a writer that does not
                Ok(Err(_)) => {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    return Err(Stop::Writing(Trouble::ended_early(shared.target)));
                }
                Err(_) => return Err(Stop::Writing(Trouble::timed_out(shared.target, PATIENCE))),
            }
        }
        if row.is_none() {
            return Ok(rows);
        }
    }
}

/// Has the replica take what is handed over; how many rows it took, and how many warnings it gave.
async fn write(
    target: &mut Session,
    piece: &Piece<'_>,
    receiver: mpsc::Receiver<Bytes>,
    ended: oneshot::Receiver<()>,
) -> Result<(u64, u16), Stop> {
    let who = target.who().to_owned();
    let conn = target.lend().map_err(Stop::Writing)?;
    conn.set_infile_handler(async move {
        let flow: InfileData = Box::pin(Feed { receiver, rest: Bytes::new() });
        Ok(flow)
    });
    let outcome = {
        let mut loading = pin!(conn.query_drop(&*piece.load));
        tokio::select! {
            outcome = &mut loading => outcome,
            _ = ended => {
                let limit = PATIENCE + Duration::from_secs(piece.bytes >> 20);
                let outcome = timeout(limit, loading).await;
                outcome.map_err(|_| Stop::Writing(Trouble::timed_out(&who, limit)))?
            }
        }
    };
    outcome.map_err(|error| Stop::Writing(Trouble::new(&who, &error)))?;
    Ok((conn.affected_rows(), conn.get_warnings()))
}

/// What the driver sends to the replica.
struct Feed {
    receiver: mpsc::Receiver<Bytes>,
    /// Of a buffer with a long row: what is still to be sent, bit by bit, so that the driver's own buffers stay small.
    rest: Bytes,
}

impl Flow for Feed {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let feed = self.get_mut();
        if feed.rest.is_empty() {
            match feed.receiver.poll_recv(cx) {
                Poll::Ready(Some(bytes)) => feed.rest = bytes,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        let most = feed.rest.len().min(2 * BUFFER_BYTES);
        Poll::Ready(Some(Ok(feed.rest.split_to(most))))
    }
}
