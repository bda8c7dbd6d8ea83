//! One request over HTTP and the head of its answer, on a connection of its own.
//!
//! No redirect is followed, no proxy is used and no connection is kept. Head and body of an answer have limits, and so
//! have answers of 1xx; the time limit is the caller's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connect::io_reason;
use super::dial::{NoAnswer, Server, dial};
use super::distrust::told;
use crate::model::Reason;

/// The largest head of an answer, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// How many answers of 1xx may come before the one that counts.
const MOST_INTERIM: usize = 32;

/// The head of an answer, and its body as long as this lives.
#[derive(Debug)]
pub struct Answer {
    /// Its head.
    pub head: Response<Incoming>,
    /// Dropped with the answer, and the connection with it.
    _driving: JoinSet<hyper::Result<()>>,
}

impl Answer {
    /// The first `most` bytes of the body, and whether that is all of it. One that breaks off counts as complete.
    pub async fn read(&mut self, most: usize, kept: &mut Vec<u8>) -> bool {
        while let Some(Ok(frame)) = self.head.body_mut().frame().await {
            let Ok(piece) = frame.into_data() else { continue };
            let room = most - kept.len();
            kept.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                return false;
            }
        }
        true
    }
}

/// Sends one request and waits for the head of the answer. `step` tells at any time what is waited for.
///
/// # Errors
/// What failed, and what it means.
pub async fn send(
    mut request: Request<Full<Bytes>>,
    server: Server<'_>,
    until: Instant,
    step: &mut &'static str,
) -> Result<Answer, NoAnswer> {
    let url = server.url;
    let too_many = interim_answers_counted(&mut request);
    let stream = dial(server, until, step).await?;
    *step = "for the answer";
    // with what is behind it: `connection error` alone helps nobody
    let broken = |error: hyper::Error| {
        let reason = meaning(&error);
        let said = match inner(&error) {
            Some(inner) => told(inner, server.ca_setting),
            None => format!("{:#}", anyhow::Error::from(error)),
        };
        NoAnswer::new(reason, format!("{url} gave no answer: {said}; look into that server's log"))
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let head = tokio::select! {
        head = sender.send_request(request) => head.map_err(broken)?,
        () = too_many.notified() => {
            let sentence = format!("{url} gave {MOST_INTERIM} interim answers (1xx) and no other; mend that server");
            return Err(NoAnswer::new(Reason::Unexpected, sentence));
        }
    };
    Ok(Answer { head, _driving: driving })
}

/// What the system or TLS said of the connection.
fn inner(error: &hyper::Error) -> Option<&std::io::Error> {
    std::error::Error::source(error).and_then(|inner| inner.downcast_ref())
}

fn meaning(error: &hyper::Error) -> Reason {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Reason::Reset;
    }
    inner(error).map_or(Reason::Unexpected, io_reason)
}

/// Tells when a server has given too many interim answers: a flood of them would keep this thread from looking.
fn interim_answers_counted<B>(request: &mut Request<B>) -> Arc<Notify> {
    let (count, too_many) = (AtomicUsize::new(1), Arc::new(Notify::new()));
    let tell = Arc::clone(&too_many);
    hyper::ext::on_informational(request, move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == MOST_INTERIM {
            tell.notify_one();
        }
    });
    too_many
}
