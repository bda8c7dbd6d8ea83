//! What the daemon does all day long with its own account, piece by piece.

use std::time::Duration;

use keyward::act::beat::{BeatPlan, write_beats};
use keyward::act::upkeep::perform;
use keyward::model::observation::{BeatOrder, BeatOutcome, Look};
use keyward::model::upkeep::UpkeepStep;
use keyward::model::{Moment, Now};
use keyward::observe::looker::{Question, Rhythm, look_after};
use keyward::observe::master::MasterQuestion;
use keyward::observe::names::{ActingWish, NameTag};
use keyward::observe::replica::{ReplicaNames, ReplicaQuestion};
use keyward::wire::connect::Target;
use tokio::sync::{mpsc, watch};

const PATIENCE: Duration = Duration::from_secs(60);

fn moment() -> Moment {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    Moment::from_boot(START.get_or_init(std::time::Instant::now).elapsed() + Duration::from_secs(1_000))
}

fn now() -> Now {
    Now { mono: moment(), wall: jiff::Timestamp::now() }
}

/// The first look of the daemon at a server.
async fn look<Q: Question>(target: Target, question: Q) -> Result<(), String>
where
    Q::Facts: std::fmt::Debug,
{
    let rhythm = Rhythm { poll_interval: Duration::from_millis(100), probe_timeout: Duration::from_secs(10) };
    let (sink, mut looks) = mpsc::channel::<Look<Q::Facts>>(10);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(look_after(target, rhythm, question, moment, sink, |look| look, stopped));
    let look = tokio::time::timeout(PATIENCE, looks.recv()).await.unwrap().unwrap();
    look.result.map(drop).map_err(|failure| failure.to_string())
}

pub async fn look_at_master(target: Target) -> Result<(), String> {
    let question = MasterQuestion::new(target.place.clone(), NameTag::new("test", "master"));
    look(target, question).await
}

pub async fn look_at_replica(target: Target) -> Result<(), String> {
    let names = ReplicaNames {
        tag: NameTag::new("test", "RegionTwo/r2"),
        masters: vec![NameTag::new("test", "master")],
        others: Vec::new(),
        acting: ActingWish::default(),
    };
    let question = ReplicaQuestion::new(target.place.clone(), names);
    look(target, question).await
}

/// Two beats: the first makes the row, the second changes it.
pub async fn beat(target: Target) -> Result<(), String> {
    let instance = format!("rights-{}", fastrand::u64(..));
    let limit = Duration::from_secs(10);
    let plan = BeatPlan { target, instance, beat_interval: Duration::from_millis(50), limit };
    let (order, orders) = mpsc::channel(10);
    let (sink, mut outcomes) = mpsc::channel(10);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(write_beats(plan, now, orders, sink, |outcome| outcome, stopped));
    let mut written = 0;
    while written < 2 {
        match tokio::time::timeout(PATIENCE, outcomes.recv()).await.unwrap().unwrap() {
            BeatOutcome::Read { .. } => order.send(BeatOrder::Write { next: 1 }).await.unwrap(),
            BeatOutcome::Acknowledged { .. } => written += 1,
            BeatOutcome::Refused(failure) | BeatOutcome::Unknown(failure) => return Err(failure.to_string()),
        }
    }
    Ok(())
}

pub async fn upkeep(target: Target, step: UpkeepStep) -> Result<(), String> {
    perform(&target, &[step]).await.map(drop).map_err(|failure| failure.to_string())
}
