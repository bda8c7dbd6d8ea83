//! How long the master keeps its binary logs, asked now and then beside the looks.
//!
//! It is no witness: listing many logs may take a server longer than a look may last.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::dialect::looks;
use crate::model::Failure;
use crate::model::observation::BinlogFacts;
use crate::wire::connect::{Target, meaning};
use crate::wire::server::{Patience, ask, discard, open, timed_out, unexpected};

const EVERY: Duration = Duration::from_secs(60);
/// After a failure, as after a start of the server.
const SOONER: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(10);

/// Asks until `stop` turns true or nobody listens; failures are nobody's business but the log's.
pub async fn ask_now_and_then<M: Send>(
    target: Target,
    sink: mpsc::Sender<M>,
    wrap: impl Fn(BinlogFacts) -> M,
    mut stop: watch::Receiver<bool>,
) {
    let asking = async {
        loop {
            let pause = match ask_once(&target).await {
                Ok(facts) => match sink.send(wrap(facts)).await {
                    Ok(()) => EVERY,
                    Err(_) => return,
                },
                Err(failure) => {
                    tracing::debug!(server = %target.place, %failure, "cannot tell how long binary logs are kept");
                    SOONER
                }
            };
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = asking => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn ask_once(target: &Target) -> Result<BinlogFacts, Failure> {
    let patience = Patience { idle: LIMIT, statement: LIMIT, lock: Duration::ZERO };
    let (mut conn, greeting) = open(target, patience).await?;
    let statements = looks::binlog_statements(greeting.family).join(";\n");
    let answer = timeout(LIMIT, ask(&mut conn, &statements)).await;
    discard(conn);
    let tables = answer.map_err(|_| timed_out(LIMIT))?.map_err(|error| meaning(&error))?;
    looks::binlogs(greeting.family, &tables).map_err(|why| unexpected(&target.place, &why))
}
