//! Clients of Keystone that log in and validate tokens all the time, and what they saw.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::client::{Api, Login};

/// A request begins this long after the last one began, answered or not; later where good answers take longer, because
/// a Keystone that is asked faster than it can answer fails for that alone.
const EVERY: Duration = Duration::from_millis(150);
/// Patience for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests that wait for an answer at once; with so many no further one begins.
const WAITING: usize = 100;
/// Requests that are remembered; then no further one begins.
const MOST: usize = 100_000;

/// A user and what to log in with.
#[derive(Clone)]
pub struct User {
    /// The user's name, which is in every good answer.
    pub name: String,
    /// How the user logs in.
    pub login: Login,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A login.
    Login,
    /// A validation of the token from the last login.
    New,
    /// A validation of the token from the very first login.
    Old,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When it began.
    pub begun: Instant,
    /// What was asked.
    pub kind: Kind,
    /// When the answer was there, or was not waited for any longer.
    pub ended: Option<Instant>,
    /// What was wrong with the answer, or nothing; `None` while there is no answer.
    pub answer: Option<Result<(), String>>,
}

impl Asked {
    /// What was wrong with the answer.
    pub fn wrong(&self) -> Option<&str> {
        self.answer.as_ref().and_then(|answer| answer.as_ref().err()).map(String::as_str)
    }
}

/// The clients; they end when dropped.
#[derive(Debug)]
pub struct Traffic {
    seen: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Traffic {
    /// Logs every user in once, and goes on from there.
    ///
    /// # Errors
    /// A first login did not work.
    pub async fn start(api: Api, users: Vec<User>) -> anyhow::Result<Self> {
        let api = api.limit(PATIENCE);
        let mut clients = Vec::new();
        for user in users {
            let token = api.token(&user.login).await.with_context(|| format!("the first login of {}", user.name))?;
            clients.push(Arc::new(Client { api: api.clone(), user, first: token.clone(), last: Mutex::new(token) }));
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(go_on(clients, Arc::clone(&seen)));
        Ok(Self { seen, task })
    }

    /// Requests that began in this time.
    pub fn begun(&self, from: Instant, until: Instant) -> Vec<Asked> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|asked| (from..until).contains(&asked.begun)).cloned().collect()
    }

    /// Requests that began in this time, each with its answer or the end of its patience, which are waited for.
    pub async fn answered(&self, from: Instant, until: Instant) -> Vec<Asked> {
        loop {
            let begun = self.begun(from, until);
            if begun.iter().all(|asked| asked.answer.is_some()) {
                return begun;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a request of each kind that began after `from` was answered well; returns when that was.
    ///
    /// # Errors
    /// They were not within the limit.
    pub async fn well_after(&self, from: Instant, limit: Duration) -> anyhow::Result<Instant> {
        loop {
            let now = Instant::now();
            let answered = self.begun(from, now);
            let well = |kind| answered.iter().any(|asked| asked.kind == kind && asked.answer == Some(Ok(())));
            if [Kind::Login, Kind::New, Kind::Old].into_iter().all(well) {
                return Ok(now);
            }
            if from.elapsed() > limit {
                let last = answered.iter().rev().find_map(Asked::wrong);
                bail!("clients get no good answers: {}", last.unwrap_or("no answer"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Client {
    api: Api,
    user: User,
    first: String,
    last: Mutex<String>,
}

async fn go_on(clients: Vec<Arc<Client>>, seen: Arc<Mutex<Vec<Asked>>>) {
    let waiting = Arc::new(Semaphore::new(WAITING));
    for number in 0..MOST {
        tokio::time::sleep(pace(&seen)).await;
        let Ok(place) = Arc::clone(&waiting).acquire_owned().await else { return };
        let kind = [Kind::Login, Kind::New, Kind::Old][number % 3];
        let Some(client) = clients.get((number / 3) % clients.len().max(1)).map(Arc::clone) else { return };
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
            let index = {
                let mut seen = seen();
                seen.push(Asked { begun: Instant::now(), kind, ended: None, answer: None });
                seen.len() - 1
            };
            let answer = client.ask(kind).await.map_err(|error| format!("{error:#}"));
            if let Some(asked) = seen().get_mut(index) {
                (asked.ended, asked.answer) = (Some(Instant::now()), Some(answer));
            }
            drop(place);
        });
    }
}

/// The mean time of the last good answers, within bounds.
fn pace(seen: &Mutex<Vec<Asked>>) -> Duration {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let good = seen.iter().rev().filter(|asked| asked.answer == Some(Ok(())));
    let took: Vec<Duration> = good.filter_map(|asked| Some(asked.ended? - asked.begun)).take(10).collect();
    let mean = took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap_or(u32::MAX).max(1);
    mean.clamp(EVERY, PATIENCE / 10)
}

impl Client {
    async fn ask(&self, kind: Kind) -> anyhow::Result<()> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reply = match kind {
            Kind::Login => self.api.login(&self.user.login).await?.expect_status(201)?,
            Kind::New => self.api.validate(&last, &last).await?.expect_status(200)?,
            Kind::Old => self.api.validate(&self.first, &self.first).await?.expect_status(200)?,
        };
        if reply.body["token"]["user"]["name"] != self.user.name.as_str() {
            bail!("the answer is not about {}: {}", self.user.name, reply.body);
        }
        if kind == Kind::Login {
            let token = reply.token.context("a login without X-Subject-Token")?;
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
        Ok(())
    }
}
