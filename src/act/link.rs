//! The link from replica to master: proven, made, started, stopped, forgotten.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::dialect::errors;
use crate::dialect::keep;
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, literal};
use crate::model::Family;
use crate::model::observation::ThreadState;
use crate::model::preflight::{LinkSettings, LinkWanted, PROOF};
use crate::wire::session::{Session, Trouble};

const MASTER_STATUS: Sql = sql!("master-status");
const READ_POSITION: Sql = sql!("read-slave-position");
const SET_POSITION: &str = include_str!("../../sql/mariadb/set-slave-position.sql");
const CHANGE_MASTER: Sql = sql!("change-master");
const CHANGE_MASTER_PROOF: Sql = sql!("change-master-proof");
const START_PROOF: Sql = sql!("start-proof");
const STOP_PROOF: Sql = sql!("stop-proof");
const DROP_PROOF: Sql = sql!("drop-proof");
const DROP_LINK: Sql = sql!("drop-link");
const BEAT: Sql = sql!("setup-beat");
const BEAT_SEEN: &str = include_str!("../../sql/common/beat-read.sql");
const BEAT_DROP: &str = include_str!("../../sql/common/setup-beat-drop.sql");

/// How often the link is looked at while something is waited for.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the replica may take to log in at the master when it is only proven.
const PROOF_LIMIT: Duration = Duration::from_secs(30);
/// How long nothing may move while threads are waited for or a beat is.
const STILL_LIMIT: Duration = Duration::from_secs(60);

/// Why the link does not work.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A server did not do what it was asked.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// The link's own error, as a sentence.
    #[error("{0}")]
    Link(String),
}

/// Proves that the replica's server can log in at the master as the settings say, and leaves no trace.
///
/// It is done with a connection of its own name and only the thread that logs in: nothing is applied. The server
/// moves its GTID position when such a thread starts, so that this is only for a replica whose position is not in
/// use; it is put back.
///
/// # Errors
/// Why the replica cannot log in, as a sentence.
pub async fn prove(
    replica: &mut Session,
    master: &mut Session,
    link: &LinkWanted,
    password: &SecretString,
) -> Result<(), LinkError> {
    remove_proof(replica).await?;
    let before = position(replica).await?;
    let status = master.line(MASTER_STATUS.fill(master.family(), &[])).await?;
    let (file, place) = (literal(&status.text("file")), status.text("position"));
    let outcome =
        match change(replica, &CHANGE_MASTER_PROOF, link, password, &[("file", &file), ("position", &place)]).await {
            Ok(()) => watch_proof(replica, link).await,
            Err(trouble) => Err(trouble.into()),
        };
    let tidied = tidy(replica, &before).await;
    // why there is no link says more than why its remains stay
    outcome?;
    Ok(tidied?)
}

/// Leaves no trace of a proof.
async fn tidy(replica: &mut Session, before: &str) -> Result<(), Trouble> {
    remove_proof(replica).await?;
    // on MySQL nothing has moved, as nothing was applied
    if replica.family() == Family::MariaDb {
        replica.run(fill(SET_POSITION, &[("position", &literal(before))])).await?;
    }
    Ok(())
}

async fn watch_proof(replica: &mut Session, link: &LinkWanted) -> Result<(), LinkError> {
    replica.run(START_PROOF.fill(replica.family(), &[])).await?;
    let began = Instant::now();
    loop {
        let seen = look(replica, PROOF).await?;
        if seen.facts.io == ThreadState::Running {
            return Ok(());
        }
        if seen.facts.io_errno != 0 {
            return Err(LinkError::Link(explain(replica.who(), link, seen.facts.io_errno, &seen.facts.io_error)));
        }
        if began.elapsed() > PROOF_LIMIT {
            let limit = crate::model::time::friendly(PROOF_LIMIT);
            return Err(LinkError::Link(format!(
                "{} could not log in at {}:{} within {limit}",
                replica.who(),
                link.host,
                link.port
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes the proof's connection; there need not be one.
///
/// # Errors
/// What the server said.
pub async fn remove_proof(replica: &mut Session) -> Result<(), Trouble> {
    for statement in [STOP_PROOF, DROP_PROOF] {
        match replica.run(statement.fill(replica.family(), &[])).await {
            // there is no such connection
            Err(trouble) if !matches!(trouble.code, Some(1617 | 3074)) => return Err(trouble),
            _ => {}
        }
    }
    Ok(())
}

/// Points the replica at its master; replication is stopped.
///
/// # Errors
/// What the server said.
pub async fn configure(replica: &mut Session, link: &LinkWanted, password: &SecretString) -> Result<(), Trouble> {
    change(replica, &CHANGE_MASTER, link, password, &[("heartbeat", &link.heartbeat)]).await
}

async fn change(
    replica: &mut Session,
    statement: &Sql,
    link: &LinkWanted,
    password: &SecretString,
    more: &[(&str, &str)],
) -> Result<(), Trouble> {
    let (host, user, password) = (literal(&link.host), literal(&link.user), literal(password.expose_secret()));
    let (ca, cert, key) = (literal(&link.ca), literal(&link.cert), literal(&link.key));
    let port = link.port.to_string();
    let switch = |on: bool| if on { "1" } else { "0" };
    let mut gaps = vec![
        ("host", &*host),
        ("port", &*port),
        ("user", &*user),
        ("password", &*password),
        ("ssl", switch(link.ssl)),
        ("ca", &*ca),
        ("cert", &*cert),
        ("key", &*key),
        ("verify", switch(link.verify)),
        // without TLS a password is sent under the master's public key
        ("public_key", switch(!link.ssl)),
    ];
    gaps.extend_from_slice(more);
    replica.run(statement.fill(replica.family(), &gaps)).await
}

/// Stops both threads.
///
/// # Errors
/// What the server said.
pub async fn stop(replica: &mut Session) -> Result<(), Trouble> {
    replica.run(keep::stop_link(replica.family())).await
}

/// Stops the link and forgets it.
///
/// # Errors
/// What the server said.
pub async fn forget(replica: &mut Session) -> Result<(), Trouble> {
    stop(replica).await?;
    replica.run(DROP_LINK.fill(replica.family(), &[])).await
}

/// Starts both threads and waits until both run.
///
/// # Errors
/// Why one does not, as a sentence.
pub async fn start(replica: &mut Session, link: &LinkWanted) -> Result<(), LinkError> {
    replica.run(keep::start_link(replica.family())).await?;
    let mut still = Still::new();
    loop {
        let seen = look(replica, "").await?;
        if seen.facts.io == ThreadState::Running && seen.facts.sql == ThreadState::Running {
            return Ok(());
        }
        fail_early(replica.who(), link, &seen)?;
        still.check(&position(replica).await?, || {
            let error = &seen.facts.io_error;
            format!("{} does not replicate from {}:{} ({error})", replica.who(), link.host, link.port)
        })?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Writes a beat on the master, waits until it is seen on the replica, and removes it. Both as keyward itself, which
/// proves the account's rights too.
///
/// # Errors
/// Why it did not arrive, as a sentence.
pub async fn await_beat(
    master: &mut Session,
    replica: &mut Session,
    link: &LinkWanted,
    token: &str,
) -> Result<(), LinkError> {
    let instance = literal(&format!("setup-{token}"));
    let gaps = [("instance", &*instance)];
    master.run(BEAT.fill(master.family(), &gaps)).await?;
    let outcome = watch_beat(replica, link, &fill(BEAT_SEEN, &gaps)).await;
    master.run(fill(BEAT_DROP, &gaps)).await?;
    outcome
}

async fn watch_beat(replica: &mut Session, link: &LinkWanted, look_for: &str) -> Result<(), LinkError> {
    let mut still = Still::new();
    loop {
        if replica.line(look_for).await?.number("number").is_some() {
            return Ok(());
        }
        let seen = look(replica, "").await?;
        fail_early(replica.who(), link, &seen)?;
        still.check(&position(replica).await?, || {
            format!("{} runs but nothing from {}:{} arrives there", replica.who(), link.host, link.port)
        })?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Ends a wait when nothing has moved for too long.
struct Still {
    last: String,
    since: Instant,
}

impl Still {
    fn new() -> Self {
        Self { last: String::new(), since: Instant::now() }
    }

    fn check(&mut self, now: &str, sentence: impl FnOnce() -> String) -> Result<(), LinkError> {
        if self.last != now {
            *self = Self { last: now.to_owned(), since: Instant::now() };
        }
        if self.since.elapsed() <= STILL_LIMIT {
            return Ok(());
        }
        let limit = crate::model::time::friendly(STILL_LIMIT);
        Err(LinkError::Link(format!("{}; waited {limit} without progress", sentence())))
    }
}

fn fail_early(replica: &str, link: &LinkWanted, seen: &LinkSettings) -> Result<(), LinkError> {
    let facts = &seen.facts;
    if facts.sql_errno != 0 {
        let (number, text) = (facts.sql_errno, &facts.sql_error);
        return Err(LinkError::Link(format!("{replica} cannot apply what the master sends: error {number}, {text}")));
    }
    let final_for_io =
        facts.io == ThreadState::Stopped || matches!(facts.io_errno, 1045 | 2026) || errors::is_expired(facts.io_errno);
    if facts.io_errno != 0 && final_for_io {
        return Err(LinkError::Link(explain(replica, link, facts.io_errno, &facts.io_error)));
    }
    Ok(())
}

async fn position(replica: &mut Session) -> Result<String, Trouble> {
    Ok(replica.line(READ_POSITION.fill(replica.family(), &[])).await?.text("position"))
}

async fn look(replica: &mut Session, name: &str) -> Result<LinkSettings, Trouble> {
    let found = replica.links().await?.into_iter().find(|(other, _)| other == name);
    found.map(|(_, link)| link).ok_or_else(|| replica.trouble("the replication link is not there any more"))
}

/// An error of the thread that logs in at the master, as a sentence that says what to do.
fn explain(replica: &str, link: &LinkWanted, number: u32, error: &str) -> String {
    let place = format!("{}:{}", link.host, link.port);
    // the server repeats who and where in front of what it has to say
    let said =
        ["message: ", "Message: "].iter().find_map(|word| error.rsplit_once(word)).map_or(error, |(_, said)| said);
    match number {
        1045 => format!(
            "{replica} is not let in at {place} as {} ({said}): correct replication.password, or the account's \
             password, host or TLS requirement on the master",
            link.user
        ),
        _ if errors::is_expired(number) => format!(
            "{replica} is not let in at {place}, as the password of {} has expired ({said}): set a new one on the master and \
             in replication.password",
            link.user
        ),
        2026 => format!(
            "{replica} cannot verify {place} over TLS ({said}): replication.tls.ca_file is {} on the replica's host \
             and must be readable there, hold the CA of the master's certificate, and that must name {}",
            if link.ca.is_empty() { "not set" } else { &link.ca },
            link.host
        ),
        // what the master says of a command, whose only ground is the account
        1597 if said.contains("1045") => format!(
            "{place} does not let {} replicate ({said}): give the account the right REPLICATION SLAVE on the master",
            link.user
        ),
        2002 | 2003 | 2005 | 2013 => {
            format!("{replica} does not reach {place} ({said}): correct address, firewall or listening of the master")
        }
        1236 => format!("{place} does not have the binlog any more that {replica} needs ({said}): give setup --reseed"),
        1593 => format!(
            "{replica} and {place} have the same server_id ({said}): give the replica another one in its option file \
             and restart it"
        ),
        _ => format!("{replica} cannot replicate from {place}: error {number}, {said}"),
    }
}
