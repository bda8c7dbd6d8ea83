//! A client that reads RegionTwo all along, as that region's Keystone would.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use mysql_async::Conn;

use crate::lab::client::{Client, rows};
use crate::lab::keystone;

/// A pause between two reads.
const PAUSE: Duration = Duration::from_millis(5);

/// What the client has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Reads that were answered with the rows asked for.
    pub(super) reads: u64,
    /// Reads that were not.
    pub(super) failures: u64,
    /// The longest time between two answers.
    pub(super) longest_gap: Duration,
    /// What the last failure said.
    pub(super) last_failure: Option<String>,
}

/// The client; it ends when dropped.
#[derive(Debug)]
pub(super) struct Reader {
    seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    /// Begins to read users 1 to `users`.
    pub(super) fn start(client: Client, users: u32) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(read_on(client, users, Arc::clone(&seen)));
        Self { seen, task }
    }

    /// What it has seen so far.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_on(client: Client, users: u32, seen: Arc<Mutex<Seen>>) {
    let mut conn: Option<Conn> = None;
    let mut last_answer = Instant::now();
    for user in (1..=users).cycle() {
        let read = read(&client, &mut conn, &format!("user-{user}")).await;
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.longest_gap = seen.longest_gap.max(last_answer.elapsed());
            match read {
                Ok(()) => {
                    seen.reads += 1;
                    last_answer = Instant::now();
                }
                Err(error) => {
                    seen.failures += 1;
                    seen.last_failure = Some(format!("{error:#}"));
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn read(client: &Client, kept: &mut Option<Conn>, name: &str) -> anyhow::Result<()> {
    let mut conn = match kept.take() {
        Some(conn) => conn,
        None => client.connect().await?,
    };
    let found = rows(&mut conn, &keystone::read(name)).await?;
    *kept = Some(conn);
    ensure!(!found.is_empty(), "{name} is not there");
    Ok(())
}
