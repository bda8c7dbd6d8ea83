//! Doing what the plan says, one step after the other. A step that fails ends it; the next run plans anew.

use super::pair::Pair;
use super::{Hands, Progress};
use crate::act::link::{self, LinkError};
use crate::act::{account, aside, replica, stamp};
use crate::copy::{self, Job};
use crate::dialect::text::fill;
use crate::model::{Reason, gtid};
use crate::observe::hand::{self, Hand, NoHand};
use crate::plan::journal;
use crate::plan::steps::{Plan, Side, Step, Who};
use crate::wire::session::{Session, Trouble};

const CREATE_SCHEMA: &str = include_str!("../../../sql/common/create-keyward-schema.sql");
const CREATE_TABLE: &str = include_str!("../../../sql/common/create-beat-table.sql");
const TIME: &str = include_str!("../../../sql/common/time.sql");
const PACKET: &str = include_str!("../../../sql/common/max-packet.sql");

/// Streams of a copy.
const STREAMS: usize = 4;
/// A piece of a large table: what is written in one transaction, and in one stream.
const PIECE_BYTES: u64 = 48 * 1024 * 1024;
/// Streams of a copy that the daemon makes beside its looks.
const DAEMON_STREAMS: usize = 2;

type Tell<'a> = &'a (dyn Fn(Progress) + Sync);

/// Does every step.
///
/// # Errors
/// Which step failed and why, as a sentence.
pub(super) async fn all(pair: &Pair, hands: &mut Hands, plan: &Plan, tell: Tell<'_>) -> Result<(), String> {
    // marks a run's schemas and names its beat
    let token = format!("{:016x}", fastrand::u64(..));
    let mut stale = (false, false);
    for step in &plan.steps {
        tell(Progress::Step(plan.sentence(step)));
        match step {
            Step::CreateAccount { side, .. } | Step::Grant { side, .. } => {
                let side = if *side == Side::Master { &mut stale.0 } else { &mut stale.1 };
                *side = true;
            }
            _ => {
                // new rights count for new connections; a new account is proven before anything else is done
                log_in(&mut hands.master, &pair.master, &mut stale.0).await?;
                log_in(&mut hands.replica, &pair.replica, &mut stale.1).await?;
            }
        }
        one(pair, hands, step, &token, tell).await.map_err(|error| words(&error))?;
    }
    Ok(())
}

/// Why a step failed.
fn words(error: &LinkError) -> String {
    match error {
        // it answered a moment ago
        LinkError::Trouble(trouble) if trouble.failure.reason == Reason::TimedOut => {
            format!("{error}: a server whose disk is full waits like that for room; look there, and at its own log")
        }
        _ => error.to_string(),
    }
}

async fn log_in(hand: &mut Hand, access: &hand::Access, stale: &mut bool) -> Result<(), String> {
    if std::mem::take(stale) {
        let outcome = hand.connect_own(access).await;
        outcome.map_err(|error: NoHand| {
            format!("the account {} was made, but cannot be used: {error}", access.own.account.user)
        })?;
    }
    Ok(())
}

async fn one(pair: &Pair, hands: &mut Hands, step: &Step, token: &str, tell: Tell<'_>) -> Result<(), LinkError> {
    let wanted = &pair.wanted;
    let master = &mut hands.master.work;
    let target = &mut hands.replica.work;
    match step {
        Step::CreateAccount { side, who, account, ssl } => {
            let password = if *who == Who::Own { &pair.own_password } else { &pair.link_password };
            let session = quiet(*side, master, target).await?;
            account::create(session, account, password, *ssl).await?;
        }
        Step::Grant { side, account, grants } => {
            let session = quiet(*side, master, target).await?;
            account::grant(session, account, grants).await?;
        }
        Step::CreateBeatTable => {
            master.run(fill(CREATE_SCHEMA, &[])).await?;
            master.run(fill(CREATE_TABLE, &[])).await?;
        }
        Step::ProveLink => link::prove(target, master, &wanted.link, &pair.link_password).await?,
        Step::RemoveProof => link::remove_proof(target).await?,
        Step::ClearHalfDone { schemas, link, settings } => {
            copy::restore(target, settings).await.map_err(|error| LinkError::Link(error.to_string()))?;
            replica::write_no_binlog(target).await?;
            if *link {
                link::forget(target).await?;
            }
            for name in schemas {
                replica::drop_schema(target, name).await?;
            }
        }
        Step::BeginMove { moves } => {
            // what serves now is left alone when nothing could come after it
            copy::has_room(master, target, &wanted.databases).await.map_err(said)?;
            aside::begin(target, moves).await.map_err(said)?;
        }
        Step::ForgetLink => link::forget(target).await?,
        Step::MoveAside { moves } => {
            let moved = aside::finish(target, moves).await.map_err(said)?;
            target.set_limit(hand::LOOK_LIMIT);
            tell(Progress::MovedAside(moved));
        }
        Step::ResetBinlog { .. } => replica::reset_binlog(target).await?,
        Step::SetReadOnly => replica::set_read_only(target).await?,
        Step::SetSuperReadOnly => replica::set_super_read_only(target).await?,
        Step::HoldThreads => replica::hold_threads(target).await?,
        Step::Copy { schemas } => copy_all(pair, hands, schemas, token, tell).await?,
        Step::StopLink => link::stop(target).await?,
        Step::SetFilter(filter) => replica::set_filter(target, filter).await?,
        Step::SetNetTimeout(seconds) => replica::set_net_timeout(target, *seconds).await?,
        Step::ConfigureLink => link::configure(target, &wanted.link, &pair.link_password).await?,
        Step::StartLink => link::start(target, &wanted.link).await?,
        Step::AwaitBeat => {
            let (source, copy) = own(hands)?;
            link::await_beat(source, copy, &wanted.link, token).await?;
        }
        Step::Finish { comments } => {
            replica::write_no_binlog(target).await?;
            for (name, comment) in comments {
                replica::unmark_schema(target, name, comment).await?;
            }
        }
        Step::Stamp => write_stamp(pair, hands).await?,
    }
    Ok(())
}

/// The session of a side; on the replica it writes no binlog, so that the replica makes no GTIDs of its own.
async fn quiet<'a>(side: Side, master: &'a mut Session, target: &'a mut Session) -> Result<&'a mut Session, Trouble> {
    if side == Side::Master {
        return Ok(master);
    }
    replica::write_no_binlog(target).await?;
    Ok(target)
}

fn said(what: impl std::fmt::Display) -> LinkError {
    LinkError::Link(what.to_string())
}

fn own(hands: &mut Hands) -> Result<(&mut Session, &mut Session), LinkError> {
    match (&mut hands.master.own, &mut hands.replica.own) {
        (Some(source), Some(copy)) => Ok((source, copy)),
        _ => Err(LinkError::Link("keyward's own account was not connected".to_owned())),
    }
}

async fn copy_all(
    pair: &Pair,
    hands: &mut Hands,
    schemas: &[String],
    token: &str,
    tell: Tell<'_>,
) -> Result<(), LinkError> {
    let target = &mut hands.replica.work;
    let packet = target.line(fill(PACKET, &[])).await?.number("bytes").unwrap_or(1024 * 1024);
    let job = Job {
        source: &mut hands.master.work,
        source_target: pair.master.admin.as_ref().unwrap_or(&pair.master.own),
        target,
        target_target: pair.replica.admin.as_ref().unwrap_or(&pair.replica.own),
        schemas,
        mark: &|before| journal::mark(token, before),
        max_allowed_packet: packet,
        streams: if pair.wanted.auto { DAEMON_STREAMS } else { STREAMS },
        piece_bytes: PIECE_BYTES,
        max_rate: pair.max_rate,
        progress: &|copied| tell(Progress::Copying(copied)),
    };
    let position = copy::run(job).await.map_err(|error| LinkError::Link(error.to_string()))?;
    for session in [&mut hands.master.work, &mut hands.replica.work] {
        session.set_limit(hand::LOOK_LIMIT);
    }
    Ok(replica::set_position(&mut hands.replica.work, &position).await?)
}

async fn write_stamp(pair: &Pair, hands: &mut Hands) -> Result<(), LinkError> {
    let (facts, _) = crate::observe::preflight::server(&mut hands.replica, &pair.replica.name).await?;
    let (master, _) = crate::observe::preflight::server(&mut hands.master, &pair.master.name).await?;
    let now = hands.replica.work.line(fill(TIME, &[])).await?.text("now");
    let stamp = stamp::Stamp {
        region: pair.region.clone(),
        replica: pair.name.clone(),
        identity: facts.identity,
        written: gtid::written_beyond(&master.gtid_binlog_state, &facts.gtid_binlog_state),
        stamped_at: now.parse().map_err(|error: jiff::Error| said(error))?,
    };
    stamp::write(&pair.state_dir, &stamp).map_err(said)
}
