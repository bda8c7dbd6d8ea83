//! Set-up from end to end: connect, look, plan, and do what the plan says. The command and `auto_setup` both use it.
//!
//! Nothing is printed here: whoever calls is told, as values.

mod execute;
mod pair;

use std::collections::VecDeque;

use super::memory;
use crate::act::stamp;
use crate::config::Settings;
use crate::copy::Copied;
use crate::dialect::text::fill;
use crate::model::preflight::PairFacts;
use crate::model::{Address, Family, Reason, RegionName, ReplicaName};
use crate::observe::hand::{self, Hand, NoHand};
use crate::observe::preflight;
use crate::plan::steps::{Plan, Step};
use crate::plan::wanted::Wanted;
use crate::plan::{by_hand, setup};
use crate::wire::connect::Target;
use crate::wire::session::{Session, Trouble};
use pair::Pair;

const TAKE_ACTING: &str = include_str!("../../../sql/common/take-lock.sql");
const LOCK_HOLDER: &str = include_str!("../../../sql/common/lock-holder.sql");
const CONNECTION: &str = include_str!("../../../sql/common/connection.sql");

/// The named lock on a replica's server that lets one keyward act there; as SQL text.
const ACTING: &str = "'keyward.acting'";

/// How a set-up is done.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Show the plan and do nothing.
    pub dry_run: bool,
    /// Copy in the middle of an episode too: the region's logins stop meanwhile.
    pub force: bool,
    /// The daemon asks: only an empty replica, or one that keyward left half done, is touched.
    pub auto: bool,
    /// An administrator of the master; keyward's own account otherwise.
    pub master_admin: Option<Target>,
    /// An administrator of the replica; keyward's own account otherwise.
    pub replica_admin: Option<Target>,
    /// The most bytes a second to read from the master while copying; no limit without it.
    pub max_rate: Option<u64>,
    /// The id of the caller's connection to the replica that holds the acting lock already.
    pub held_lock: Option<u64>,
}

/// What a set-up has to tell while it runs.
#[derive(Clone, Debug)]
pub enum Progress {
    /// What will be done.
    Planned(Plan),
    /// A step begins: its sentence.
    Step(String),
    /// How far the copy has come.
    Copying(Copied),
}

/// How the set-up of one replica ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Everything was as it should be already; nothing was touched. Lines of an option file that is not in force.
    NothingToDo(Vec<String>),
    /// The plan was shown, nothing was touched.
    Planned,
    /// Done, and seen to work. Lines of an option file that is not in force.
    Done(Vec<String>),
    /// It did not begin: every reason, one sentence each. Nothing was changed.
    Refused(Vec<String>),
    /// It began and did not end: why. The next run goes on.
    Failed(String),
}

enum Stop {
    Refused(Vec<String>),
    /// There is no way to the master at this address; another one may do.
    NoMaster(Vec<String>),
    /// The replica's link leads to this other address of the master.
    LinkedTo(Address),
    Failed(String),
}

impl From<Trouble> for Stop {
    /// Before the first step a trouble is a reason not to begin.
    fn from(trouble: Trouble) -> Self {
        Stop::Refused(vec![trouble.to_string()])
    }
}

/// Sets one replica up, or says why not. Never asks anybody anything.
pub async fn set_up_replica(
    settings: &Settings,
    region: &RegionName,
    replica: &ReplicaName,
    how: &How,
    tell: &(dyn Fn(Progress) + Sync),
) -> End {
    match on_some_address(settings, (region, replica), how, tell).await {
        Ok(end) => end,
        Err(Stop::Refused(why) | Stop::NoMaster(why)) => End::Refused(why),
        Err(Stop::LinkedTo(address)) => End::Refused(vec![format!(
            "the replica's link leads to the master's address {address}, where there is no way to the master now: \
             start the daemon, which moves the link when that address stays gone"
        )]),
        Err(Stop::Failed(why)) => End::Failed(why),
    }
}

/// Tries the master's addresses in their order, but the one first that the replica's link leads to already.
async fn on_some_address(
    settings: &Settings,
    which: (&RegionName, &ReplicaName),
    how: &How,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<End, Stop> {
    let mut left: VecDeque<&Address> = settings.master.addresses.iter().collect();
    let mut why = Vec::new();
    while let Some(address) = left.pop_front() {
        let pair = Pair::new(settings, which, how, address).map_err(|sentence| Stop::Refused(vec![sentence]))?;
        match attempt(&pair, how, tell).await {
            Err(Stop::NoMaster(unreached)) => why.extend(unreached),
            Err(Stop::LinkedTo(other)) if left.contains(&&other) => {
                left.retain(|address| **address != other);
                left.extend(settings.master.addresses.iter().filter(|address| **address == other));
                left.rotate_right(1);
            }
            end => return end,
        }
    }
    Err(Stop::NoMaster(why))
}

/// What an administrator runs by hand, for the master and for the replica, both of this family; nobody is connected to.
///
/// # Errors
/// No such replica in the settings.
pub fn sql_by_hand(
    settings: &Settings,
    family: Family,
    region: &RegionName,
    replica: &ReplicaName,
) -> Result<(Vec<String>, Vec<String>), String> {
    let address = settings.master.addresses.first().ok_or("the settings have no address of the master")?;
    let pair = Pair::new(settings, (region, replica), &How::default(), address)?;
    Ok((by_hand::for_master(family, &pair.wanted), by_hand::for_replica(family, &pair.wanted)))
}

/// The connections to both sides.
struct Hands {
    master: Hand,
    replica: Hand,
}

async fn attempt(pair: &Pair, how: &How, tell: &(dyn Fn(Progress) + Sync)) -> Result<End, Stop> {
    let unreached = |error: NoHand| Stop::NoMaster(vec![refusal(&error, "--master-admin")]);
    let unreachable = |error: NoHand| Stop::Refused(vec![refusal(&error, "--replica-admin")]);
    let mut hands = Hands {
        master: hand::open(&pair.master).await.map_err(unreached)?,
        replica: hand::open(&pair.replica).await.map_err(unreachable)?,
    };
    let mut plan = look_and_plan(pair, &mut hands).await?;
    if plan.steps.is_empty() {
        close(hands).await;
        return Ok(End::NothingToDo(plan.drop_in));
    }
    tell(Progress::Planned(plan.clone()));
    if how.dry_run {
        close(hands).await;
        return Ok(End::Planned);
    }
    if let Some(why) = stops_logins(pair, how, &plan) {
        return Err(Stop::Refused(vec![why]));
    }
    if plan.steps.contains(&Step::Stamp) {
        stamp::check(&pair.state_dir).map_err(|error| Stop::Refused(vec![error.to_string()]))?;
    }
    let lock = acting_lock(pair, how).await?;
    // what was seen before the lock was taken may have been another set-up at work
    let again = look_and_plan(pair, &mut hands).await?;
    if again != plan {
        tell(Progress::Planned(again.clone()));
        plan = again;
    }
    execute::all(pair, &mut hands, &plan, tell).await.map_err(Stop::Failed)?;
    let seen = look(pair, &mut hands).await.and_then(|facts| {
        // it is not empty any more, and must not be
        setup::plan(&facts, &Wanted { auto: false, ..pair.wanted.clone() }).map_err(Stop::Refused)
    });
    let rest = match seen {
        Ok(rest) => rest,
        Err(Stop::Refused(why)) => return Err(Stop::Failed(why.join("; "))),
        Err(stop) => return Err(stop),
    };
    if let Some(step) = rest.steps.first() {
        let sentence = rest.sentence(step);
        return Err(Stop::Failed(format!("all steps were done, and yet this is missing again: {sentence}")));
    }
    if let Some(lock) = lock {
        lock.end().await;
    }
    close(hands).await;
    Ok(End::Done(rest.drop_in))
}

/// A copy in the middle of an episode would take the region's logins away while it runs.
fn stops_logins(pair: &Pair, how: &How, plan: &Plan) -> Option<String> {
    let copies = plan.steps.iter().any(|step| matches!(step, Step::Copy { .. }));
    let phase = memory::phase_on_record(&pair.state_dir, &pair.region)?;
    (copies && !how.force && phase.in_episode()).then(|| {
        format!(
            "region {} is in phase {phase}: nobody could log in there while its replica is copied; wait until it is \
             remote, or say --force",
            pair.region
        )
    })
}

async fn close(hands: Hands) {
    hands.master.end().await;
    hands.replica.end().await;
}

async fn look_and_plan(pair: &Pair, hands: &mut Hands) -> Result<Plan, Stop> {
    let facts = look(pair, hands).await?;
    if let Some(link) = &facts.copy.link {
        let leads_to = |other: &&Address| other.host == link.facts.host && other.port == link.facts.port;
        if let Some(other) = pair.other_masters.iter().find(leads_to) {
            return Err(Stop::LinkedTo(other.clone()));
        }
    }
    setup::plan(&facts, &pair.wanted).map_err(Stop::Refused)
}

async fn look(pair: &Pair, hands: &mut Hands) -> Result<PairFacts, Stop> {
    let wanted = &pair.wanted;
    let (master, _) = preflight::server(&mut hands.master, &pair.master.name).await?;
    let (replica, variables) = preflight::server(&mut hands.replica, &pair.replica.name).await?;
    let mut facts = PairFacts { master, replica, ..PairFacts::default() };
    if setup::has_strangers(&facts) {
        // what comes next one of them would not understand
        return Ok(facts);
    }
    let (source, copy) = (&mut hands.master, &mut hands.replica);
    facts.source = preflight::source(source, &facts.master, &wanted.databases, &wanted.link.user).await?;
    facts.copy = preflight::copy(copy, &variables).await?;
    facts.copy.is_the_master = hand::is_same_server(&mut source.work, &mut copy.work).await?;
    for other in &pair.others {
        // a replica that does not answer now is compared when it is set up itself
        if let Ok(mut session) = Session::open(&other.own, &other.name, hand::LOOK_LIMIT).await {
            if hand::is_same_server(&mut copy.work, &mut session).await? {
                facts.copy.is_also = Some(other.name.clone());
            }
            session.end().await;
        }
    }
    let stamp = stamp::read(&pair.state_dir, &pair.region, &pair.name);
    let stamp = stamp.map_err(|error| Stop::Refused(vec![error.to_string()]))?;
    facts.copy.stamp = stamp.map(|stamp| stamp.identity);
    Ok(facts)
}

/// Takes the lock that keeps two keywards from acting on one replica; the session holds it until it ends.
async fn acting_lock(pair: &Pair, how: &How) -> Result<Option<Session>, Stop> {
    let target = pair.replica.admin.as_ref().unwrap_or(&pair.replica.own);
    let mut session = Session::open(target, &pair.replica.name, hand::LOOK_LIMIT).await?;
    let gaps = [("name", ACTING)];
    if let Some(held) = how.held_lock {
        let holder = session.line(fill(LOCK_HOLDER, &gaps)).await?.number("holder");
        session.end().await;
        if holder == Some(held) {
            return Ok(None);
        }
        return Err(Stop::Refused(vec![format!("{}: the lock {ACTING} was lost", pair.replica.name)]));
    }
    if session.line(fill(TAKE_ACTING, &gaps)).await?.number("taken") == Some(1) {
        return Ok(Some(session));
    }
    let holder = session.line(fill(LOCK_HOLDER, &gaps)).await?.number("holder").unwrap_or(0);
    let line = session.line(fill(CONNECTION, &[("id", &holder.to_string())])).await?;
    session.end().await;
    let whose = match (line.text("user"), line.text("host")) {
        (user, _) if user.is_empty() => String::new(),
        (user, host) => format!(" of {user} from {host}"),
    };
    Err(Stop::Refused(vec![format!(
        "another keyward acts on {} (connection {holder}{whose}): `keyward release` it first, or wait until the other is done",
        pair.replica.name
    )]))
}

/// Why there is no connection, and what to do.
fn refusal(error: &NoHand, option: &str) -> String {
    let hint = match error {
        NoHand::NotLetIn(_) => {
            format!(": correct account.password, give {option}, or run what --print-sql or --print-sql=mysql prints")
        }
        NoHand::Trouble(trouble) => match trouble.failure.reason {
            Reason::Tls => ": correct tls.ca_file, or the server's certificate, which must name the address".to_owned(),
            Reason::Login => format!(": correct the login of {option}"),
            reason if reason.is_evidence() => ": correct the address, or see that the server answers there".to_owned(),
            _ => String::new(),
        },
        NoHand::TwoServers(_) => String::new(),
    };
    format!("{error}{hint}")
}
