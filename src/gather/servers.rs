//! One database server: how it is set, who may do what there, what Keystone's rows say.

use std::collections::BTreeSet;

use super::{Wish, keystone};
use crate::config::Settings;
use crate::config::schema::Replica;
use crate::dialect::grants;
use crate::dialect::password;
use crate::dialect::settings;
use crate::dialect::sql::{Sql, sql};
use crate::dialect::text::{fill, literal};
use crate::doctor::facts::{Asked, Server, Side};
use crate::model::preflight::{CopySide, Login};
use crate::model::view::ExpiryView;
use crate::model::{Now, Reason, RegionName};
use crate::observe::hand::{self, Access, Hand};
use crate::observe::preflight;
use crate::wire::connect::Target;
use crate::wire::session::{Session, Trouble};

const SETTINGS: Sql = sql!("doctor-settings");
const EXPIRY: Sql = sql!("password-expiry");
const MY_ACCOUNT: &str = include_str!("../../sql/common/my-account.sql");
const CLOCK: &str = include_str!("../../sql/common/doctor-clock.sql");

/// The user name of Keystone's own account where no file says another.
const KEYSTONE_USER: &str = "keystone";

/// What all servers are asked with.
pub struct Asking<'a> {
    /// Everything that `keyward.toml` says.
    pub settings: &'a Settings,
    /// What else to ask.
    pub wish: &'a Wish,
    /// The names of users that services log in with, known from their files.
    pub users: &'a BTreeSet<String>,
    /// This host's clocks.
    pub clock: fn() -> Now,
}

/// The master, at the first of its addresses that answers.
pub async fn master(asking: &Asking<'_>) -> Side {
    let settings = asking.settings;
    let mut last = Side::unknown("master", "the settings have no address of the master");
    for address in &settings.master.addresses {
        let own = Target::of(settings, address, &settings.tls);
        let access = Access { name: format!("master {address}"), own, admin: None };
        last = match hand::open(&access).await {
            Ok(hand) => return side(asking, access, hand, false).await,
            Err(why) => Side::unknown(&access.name, &why.to_string()),
        };
    }
    last
}

/// A replica.
pub async fn replica(asking: &Asking<'_>, region: &RegionName, replica: &Replica) -> Side {
    let own = Target::of(asking.settings, &replica.address, &replica.tls);
    let access = Access { name: format!("replica {region}/{}", replica.name), own, admin: None };
    match hand::open(&access).await {
        Ok(hand) => side(asking, access, hand, true).await,
        Err(why) => Side::unknown(&access.name, &why.to_string()),
    }
}

async fn side(asking: &Asking<'_>, access: Access, mut hand: Hand, is_replica: bool) -> Side {
    let server = server(asking, &access, &mut hand).await;
    let copy = match (&server, is_replica) {
        (Ok(server), true) => copy(&mut hand, server).await,
        (Err(why), _) => Err(why.clone()),
        (Ok(_), false) => Err(format!("the {} is no replica", access.name)),
    };
    let keystone = keystone::read(&mut hand.work, &asking.settings.replication.databases, asking.users).await;
    let keystone_account = match is_replica {
        true => account(asking, &access, &mut hand.work).await,
        false => Err(format!("the {} is no replica", access.name)),
    };
    let own_password = match &server {
        Ok(server) => password(&mut hand, server).await.map_err(|trouble| trouble.to_string()),
        Err(why) => Err(why.clone()),
    };
    hand.end().await;
    Side { name: access.name, server, copy, keystone_account, keystone, own_password }
}

/// When the password of keyward's own account expires.
async fn password(hand: &mut Hand, server: &Server) -> Result<ExpiryView, Trouble> {
    let created = hand.work.line(fill(MY_ACCOUNT, &[])).await?;
    let created = created.values().map(String::from_utf8_lossy).collect::<String>();
    let expiry = |at| password::expiry(&created, server.default_password_days(), at);
    let Login::Works { account: (user, host), .. } = &hand.login else { return Ok(expiry(None)) };
    if !expiry(None).limited {
        return Ok(expiry(None));
    }
    let gaps = [("user", literal(user)), ("host", literal(host))];
    let gaps = gaps.each_ref().map(|(name, value)| (*name, value.as_str()));
    match hand.work.line(EXPIRY.fill(server.family, &gaps)).await {
        Ok(told) => Ok(expiry(told.number("expires_at").and_then(|at| at.try_into().ok()))),
        // MySQL tells the time only to whom it was allowed, and keyward does not ask for that
        Err(trouble) if trouble.failure.reason == Reason::Privilege => Ok(expiry(None)),
        Err(trouble) => Err(trouble),
    }
}

async fn server(asking: &Asking<'_>, access: &Access, hand: &mut Hand) -> Asked<Server> {
    let said = |trouble: Trouble| trouble.to_string();
    let (side, mut variables) = preflight::server(hand, &access.name).await.map_err(said)?;
    if variables.is_empty() {
        return Err(format!("the {} is {}, which this release of keyward does not handle", access.name, side.version));
    }
    let family = side.family;
    let more = hand.work.tables(&SETTINGS.fill(family, &[])).await.map_err(said)?;
    variables.extend(settings::variables(family, &more).map_err(|why| said(hand.work.trouble(&why)))?);
    let own_rights = match &hand.login {
        Login::Works { grants, .. } => grants.iter().filter_map(|line| grants::parse(line)).collect(),
        Login::Missing | Login::Refused { .. } => Vec::new(),
    };
    let clock_ahead = clock_ahead(asking.clock, &mut hand.work).await.map_err(said)?;
    Ok(Server { family, version: side.version, settings: variables, own_rights, clock_ahead })
}

/// How far the server's clock is ahead in seconds, and how exactly that is known: half of the round trip.
async fn clock_ahead(clock: fn() -> Now, work: &mut Session) -> Result<(f64, f64), Trouble> {
    let before = clock().wall;
    let told = work.line(fill(CLOCK, &[])).await?;
    let after = clock().wall;
    let micros: i64 = told.text("micros").parse().map_err(|_| work.trouble("it does not tell the time"))?;
    let (before, after) = (before.as_microsecond() as f64, after.as_microsecond() as f64);
    let middle = f64::midpoint(before, after);
    Ok(((micros as f64 - middle) / 1e6, (after - before).abs() / 2e6))
}

async fn copy(hand: &mut Hand, server: &Server) -> Asked<CopySide> {
    preflight::copy(hand, &server.settings).await.map_err(|trouble| trouble.to_string())
}

/// Keystone's accounts with their grants.
async fn account(asking: &Asking<'_>, access: &Access, work: &mut Session) -> Asked<Vec<(String, Vec<grants::Grant>)>> {
    let found = match &asking.wish.replica_admin {
        Some(admin) => {
            let who = format!("{} as administrator", access.name);
            let mut session = Session::open(admin, &who, hand::LOOK_LIMIT).await.map_err(|why| why.to_string())?;
            let found = hand::accounts_named(&mut session, KEYSTONE_USER).await;
            session.end().await;
            found.map_err(|why| why.to_string())?
        }
        None => hand::accounts_named(work, KEYSTONE_USER).await.map_err(|_| {
            format!(
                "Keystone's account on the {} is not for keyward's eyes: say --replica-admin with one REGION/REPLICA, or \
                 --keystone-conf",
                access.name
            )
        })?,
    };
    if found.is_empty() {
        return Err(format!("there is no account of the name {KEYSTONE_USER} on the {}", access.name));
    }
    let parsed = |lines: &[String]| lines.iter().filter_map(|line| grants::parse(line)).collect();
    Ok(found.iter().map(|((user, host), lines)| (format!("{user}@{host}"), parsed(lines))).collect())
}
