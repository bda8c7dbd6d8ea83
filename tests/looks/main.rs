//! Looks, beats and upkeep on real servers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod beating;
#[path = "../common/server.rs"]
mod common;
mod keeping;
mod locking;
mod logins;
mod looking;
mod mysql;
mod proxy;
mod server;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use keyward::model::observation::{Look, MasterFacts, ReplicaFacts};
use keyward::model::{Moment, Now};
use keyward::observe::looker::{Question, Rhythm, look_after};
use keyward::observe::master::MasterQuestion;
use keyward::observe::names::{ActingWish, NameTag};
use keyward::observe::replica::{ReplicaNames, ReplicaQuestion};
use keyward::wire::connect::Target;
use tokio::sync::{mpsc, watch};

pub const FAST: Rhythm =
    Rhythm { poll_interval: Duration::from_millis(100), probe_timeout: Duration::from_millis(500) };

/// The tests' clock, started with the first reading.
pub fn moment() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    Moment::from_boot(START.get_or_init(Instant::now).elapsed() + Duration::from_secs(1_000))
}

pub fn now() -> Now {
    Now { mono: moment(), wall: Timestamp::now() }
}

/// Looks under way.
pub struct Looking<F> {
    looks: mpsc::Receiver<Look<F>>,
    _stop: watch::Sender<bool>,
}

impl<F: Send + 'static> Looking<F> {
    pub fn start<Q: Question<Facts = F>>(target: Target, rhythm: Rhythm, question: Q) -> Self {
        let (sink, looks) = mpsc::channel(1_000);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(look_after(target, rhythm, question, moment, sink, |look| look, stopped));
        Self { looks, _stop: stop }
    }

    /// The next look in line.
    pub async fn next(&mut self) -> Look<F> {
        let look = tokio::time::timeout(Duration::from_secs(30), self.looks.recv()).await;
        look.expect("no look in 30 s").expect("the looker ended")
    }

    /// The first look that begins from now on and of which `wanted` is true.
    pub async fn until(&mut self, wanted: impl Fn(&Look<F>) -> bool) -> Look<F>
    where
        F: std::fmt::Debug,
    {
        let asked = moment();
        let mut last = None;
        let patience = Instant::now() + Duration::from_secs(30);
        while Instant::now() < patience {
            let look = self.next().await;
            if look.began >= asked && wanted(&look) {
                return look;
            }
            last = Some(look);
        }
        panic!("the look that was waited for never came; the last one was {last:?}");
    }

    pub async fn good(&mut self) -> F
    where
        F: std::fmt::Debug,
    {
        self.until(|look| look.result.is_ok()).await.result.unwrap()
    }
}

pub fn look_at_master(target: Target, tag: &NameTag) -> Looking<MasterFacts> {
    let question = MasterQuestion::new(target.place.clone(), tag.clone());
    Looking::start(target, FAST, question)
}

pub fn look_at_replica(target: Target, names: &ReplicaNames) -> Looking<ReplicaFacts> {
    let question = ReplicaQuestion::new(target.place.clone(), names.clone());
    Looking::start(target, FAST, question)
}

/// The names of one master and one replica.
pub fn names() -> ReplicaNames {
    ReplicaNames {
        tag: NameTag::new("test", "RegionTwo/r2"),
        masters: vec![NameTag::new("test", "master")],
        others: Vec::new(),
        acting: ActingWish::default(),
    }
}
