//! The people of the story, and what they saw.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

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
    /// Requests that began after the fault, and went wrong.
    pub(super) wrong: usize,
    /// From the fault until the last of them began.
    pub(super) outage: Duration,
}

impl Sight {
    /// Of a fault and the switch that answered it.
    pub(super) async fn of(traffic: &Traffic, fault: Instant, switched: Instant) -> Self {
        let answered = traffic.answered(fault, switched).await;
        let wrong = answered.iter().filter(|asked| asked.wrong().is_some());
        let outage = wrong.clone().map(|asked| asked.begun - fault).max().unwrap_or_default();
        Self { wrong: wrong.count(), outage }
    }
}

/// Every request that began in this time was answered well; returns how many there were.
pub(super) async fn all_well(traffic: &Traffic, from: Instant, until: Instant) -> anyhow::Result<usize> {
    let answered = traffic.answered(from, until).await;
    let wrong: Vec<_> = answered.iter().filter_map(|asked| Some((asked.begun - from, asked.wrong()?))).collect();
    ensure!(wrong.is_empty(), "{} of {} answers were wrong: {:?}", wrong.len(), answered.len(), wrong.first());
    Ok(answered.len())
}
