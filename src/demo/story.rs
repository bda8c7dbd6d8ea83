//! The story, step by step. Every step either holds or ends the story with its name.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;

use super::reader::Reader;
use super::stage::{KEYSTONE, SIZE, Stage};
use super::teller::{Teller, thousands};
use crate::lab::client::server_error;
use crate::lab::keystone;
use crate::model::Phase;
use crate::model::time::friendly;
use crate::model::view::RegionView;

const LIMIT: Duration = Duration::from_secs(30);
/// `ER_OPTION_PREVENTS_STATEMENT`: the server runs with `read_only`.
const READ_ONLY: u16 = 1290;

pub(super) async fn tell(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    set_up(stage, teller).await.context("step `set-up`")?;
    let reader = Reader::start(stage.two.client(KEYSTONE.0, KEYSTONE.1), SIZE.users);
    watch(stage, teller).await.context("step `watch`")?;
    outage(stage, teller).await.context("step `outage`")?;
    read_only_service(stage, teller, &reader).await.context("step `local service`")?;
    way_back(stage, teller).await.context("step `way back`")?;
    compare(stage, teller).await.context("step `compare`")?;
    let seen = reader.seen();
    ensure!(seen.failures == 0, "step `reader`: {} reads failed: {:?}", seen.failures, seen.last_failure);
    teller.held(&format!(
        "the client of RegionTwo read {} times all along: none failed, longest gap {}",
        thousands(seen.reads),
        friendly(seen.longest_gap)
    ));
    teller.scene(&format!("All {} steps held, in {}.", teller.steps(), friendly(teller.elapsed())));
    Ok(())
}

async fn set_up(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.scene("keyward setup");
    let started = Instant::now();
    let said = stage.hero.setup(&stage.one.socket(), &stage.two.socket()).await?;
    for step in steps_done(&stage.one.address(), &said) {
        teller.detail(&step);
    }
    same_rows(stage).await?;
    teller.held(&format!("RegionTwo is set up and caught up in {}", friendly(started.elapsed())));
    Ok(())
}

/// What set-up says of its steps, with the regions' names for their servers.
pub(super) fn steps_done(one: &str, said: &str) -> Vec<String> {
    let master = format!("master {one}");
    let step = |line: &str| {
        let (_, step) =
            line.split_once(": ").filter(|(_, step)| step.starts_with('[') || step.starts_with("copied"))?;
        Some(step.replace(&master, "RegionOne").replace("replica RegionTwo/r2-db1", "RegionTwo"))
    };
    said.lines().filter_map(step).collect()
}

async fn watch(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.scene("keyward run");
    stage.hero.start()?;
    let region = stage.hero.wait_for("watching and ready for a failover", |region| {
        region.phase == Phase::Remote && region.master_up == Some(true) && region.ready && lag(region).is_some()
    });
    let region = region.await?;
    teller.held(&format!("it watches: phase {}, lag {}", region.phase, said_lag(&region)));
    let took = sign_up(stage, "newcomer").await?;
    teller.held(&format!("somebody signs up at RegionOne and is known in RegionTwo {} later", friendly(took)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let region = stage.hero.region().await?;
    ensure!(region.phase == Phase::Remote, "phase {} with a healthy master: {}", region.phase, region.sentence);
    ensure!(stage.hook_runs().is_empty(), "a hook ran while the master was healthy");
    teller.detail(&format!("lag {}", said_lag(&region)));
    Ok(())
}

async fn outage(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    let killed_at = seconds(Timestamp::now());
    stage.one.kill9();
    teller.scene("RegionOne's database is killed (SIGKILL)");
    let ran_at = hook_run(stage, 0, "failover").await?;
    teller.held(&format!("the local-auth hook ran {:.2} s after the kill (patience: 2 s)", ran_at - killed_at));
    let region = stage.hero.wait_for("authenticating locally", |region| region.phase == Phase::Local).await?;
    if let Some(episode) = &region.episode {
        teller.detail(&episode.reason);
    }
    Ok(())
}

async fn read_only_service(stage: &mut Stage, teller: &mut Teller, reader: &Reader) -> anyhow::Result<()> {
    let before = reader.seen();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let now = reader.seen();
    ensure!(now.reads > before.reads, "RegionTwo answered no read for 2 s");
    teller.held(&format!("RegionTwo still answers: {} reads in 2 s", thousands(now.reads - before.reads)));
    let client = stage.two.client(KEYSTONE.0, KEYSTONE.1);
    match client.run(&keystone::write("user-1")).await {
        Ok(()) => bail!("RegionTwo took a write"),
        Err(error) if server_error(&error) == Some(READ_ONLY) => {}
        Err(error) => return Err(error.context("a write at RegionTwo was to be refused with error 1290")),
    }
    teller.held("a write at RegionTwo is refused: error 1290, read-only");
    let region = stage.hero.region().await?;
    ensure!(region.phase == Phase::Local, "phase {} in the outage: {}", region.phase, region.sentence);
    Ok(())
}

async fn way_back(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.scene("RegionOne's database comes back");
    let back = Instant::now();
    stage.one.start().await?;
    let took = sign_up(stage, "latecomer").await?;
    teller.held(&format!("caught up: a new user is known in RegionTwo after {}", friendly(took)));
    hook_run(stage, 1, "failback").await?;
    let region = stage.hero.wait_for("the way home", |region| region.phase == Phase::Remote).await?;
    teller.held(&format!(
        "RegionTwo came home {} after RegionOne did: phase {}, lag {}",
        friendly(back.elapsed()),
        region.phase,
        said_lag(&region)
    ));
    let runs = stage.hook_runs();
    ensure!(runs.len() == 2, "the hook ran {} times instead of once out and once back", runs.len());
    Ok(())
}

async fn compare(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    let (tables, rows) = same_rows(stage).await?;
    teller.held(&format!(
        "both sides hold the same: {tables} tables, {} rows, by the servers' checksums",
        thousands(rows)
    ));
    Ok(())
}

/// Compares the two sides until they are equal. Returns how many tables and rows that were.
async fn same_rows(stage: &Stage) -> anyhow::Result<(usize, u64)> {
    let one = keystone::content(&stage.one, "keystone").await?;
    let started = Instant::now();
    loop {
        let two = keystone::content(&stage.two, "keystone").await?;
        if one == two {
            return Ok((one.len(), one.values().map(|(rows, _)| rows).sum()));
        }
        if started.elapsed() > LIMIT {
            let differ = one.iter().filter(|(table, content)| two.get(*table) != Some(content));
            let differ: Vec<&str> = differ.map(|(table, _)| table.as_str()).collect();
            bail!("these tables differ between RegionOne and RegionTwo: {}", differ.join(", "));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Adds a user at RegionOne. Returns how long it took until RegionTwo knew.
async fn sign_up(stage: &Stage, name: &str) -> anyhow::Result<Duration> {
    let (one, two) = (stage.one.client(KEYSTONE.0, KEYSTONE.1), stage.two.client(KEYSTONE.0, KEYSTONE.1));
    one.run(&keystone::sign_up(name)).await?;
    let started = Instant::now();
    while two.rows(&keystone::read(name)).await?.is_empty() {
        ensure!(started.elapsed() < LIMIT, "{name} is not known in RegionTwo after 30 s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(started.elapsed())
}

/// Waits for the hook's run number `index`, from 0. Returns when it ran, in seconds since 1970.
async fn hook_run(stage: &mut Stage, index: usize, event: &str) -> anyhow::Result<f64> {
    let started = Instant::now();
    loop {
        if let Some((at, which)) = stage.hook_runs().get(index) {
            ensure!(which == event, "the hook was told `{which}` instead of `{event}`");
            return Ok(*at);
        }
        if started.elapsed() > LIMIT {
            let region = stage.hero.region().await?;
            bail!("no hook ran for 30 s; phase {}: {}", region.phase, region.sentence);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn lag(region: &RegionView) -> Option<f64> {
    region.replicas.first().and_then(|replica| replica.lag_seconds)
}

fn said_lag(region: &RegionView) -> String {
    match lag(region) {
        Some(seconds) => friendly(Duration::from_secs_f64(seconds.max(0.0))),
        None => "not known".to_owned(),
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
