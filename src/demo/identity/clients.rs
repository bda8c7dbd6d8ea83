//! The people of the story, and what they saw.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::lab::identity::traffic::{Asked, Kind};
use crate::lab::identity::{Api, Login, Traffic, User};

/// People who log in all along.
const PEOPLE: [&str; 3] = ["ada", "ben", "cleo"];
/// One who has not logged in at RegionOne.
pub(super) const NEWCOMER: &str = "nora";

/// Makes all users at a Keystone that can write, with the administrator's token. The last of those returned is a
/// service with an application credential.
pub(super) async fn sign_up(api: &Api, admin: &str) -> anyhow::Result<Vec<User>> {
    let mut users = Vec::new();
    for name in PEOPLE {
        api.add_member(admin, name, &password(name)).await.with_context(|| format!("make {name}"))?;
        users.push(User { name: name.to_owned(), login: login(name) });
    }
    api.add_member(admin, NEWCOMER, &password(NEWCOMER)).await?;
    api.add_member(admin, "nova", &password("nova")).await?;
    let token = api.token(&login("nova")).await?;
    users.push(User { name: "nova".to_owned(), login: api.add_application(&token, "compute").await? });
    Ok(users)
}

/// The password of a user of the story.
pub(super) fn password(name: &str) -> String {
    format!("{name}-of-the-demo")
}

/// How a user of the story logs in.
pub(super) fn login(name: &str) -> Login {
    Login::password(name, &password(name)).project(crate::lab::identity::ADMIN)
}

/// What clients saw of one fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Requests that began between the fault and the switch, and have no good answer yet.
    pub(super) lost: usize,
    /// From the fault until somebody was logged in again, and the last of them had begun.
    pub(super) outage: Duration,
}

impl Sight {
    /// Of a fault and the switch that answered it, some time after both.
    pub(super) fn of(traffic: &Traffic, fault: Instant, switched: Instant) -> Self {
        let since = traffic.begun(fault, Instant::now());
        let good = |asked: &&Asked| asked.answer == Some(Ok(()));
        let lost: Vec<Instant> = since.iter().filter(|asked| !good(asked)).map(|asked| asked.begun).collect();
        let lost: Vec<Instant> = lost.into_iter().filter(|begun| *begun < switched).collect();
        let login = since.iter().filter(|asked| asked.kind == Kind::Login).filter(good).filter_map(|login| login.ended);
        let end = login.min().into_iter().chain(lost.iter().copied()).max();
        Self { lost: lost.len(), outage: end.map(|end| end - fault).unwrap_or_default() }
    }
}

/// Every request that began in this time was answered well; returns how many there were.
pub(super) async fn all_well(traffic: &Traffic, from: Instant, until: Instant) -> anyhow::Result<usize> {
    let answered = traffic.answered(from, until).await;
    let wrong: Vec<_> = answered.iter().filter_map(|asked| Some((asked.begun - from, asked.wrong()?))).collect();
    ensure!(wrong.is_empty(), "{} of {} answers were wrong: {:?}", wrong.len(), answered.len(), wrong.first());
    Ok(answered.len())
}
