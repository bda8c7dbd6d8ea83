//! The story, step by step. Every step either holds or ends the story with its name.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::super::story::steps_done;
use super::super::teller::{Teller, thousands};
use super::clients::{NEWCOMER, Sight, all_well, login, password, sign_up};
use super::stage::Stage;
use crate::lab::identity::{Api, Login, Traffic};
use crate::model::Phase;
use crate::model::time::friendly;

const LIMIT: Duration = Duration::from_secs(60);
/// `unreachable_after` of the story's settings.
const PATIENCE: Duration = Duration::from_secs(2);

pub(in crate::demo) async fn tell(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    let admin = stage.keystones[0].api().token(&Login::admin()).await.context("step `the first login`")?;
    let users = sign_up(&stage.keystones[0].api(), &admin).await.context("step `users`")?;
    set_up(stage, teller).await.context("step `set-up`")?;
    let began = Instant::now();
    let traffic = Traffic::start(Api::at(&stage.proxy.address()), users).await.context("step `clients`")?;
    let before = watch(stage, teller, &traffic).await.context("step `watch`")?;
    let killed = Instant::now();
    let (switched, during) = outage(stage, teller, &traffic, &before).await.context("step `outage`")?;
    let first = Sight::of(&traffic, killed, switched);
    say(teller, first);
    let home = way_back(stage, teller, &traffic, &before, &during).await.context("step `way back`")?;
    let well = all_well(&traffic, switched, home).await.context("step `clients after the switch`")?;
    teller.held(&format!(
        "wrong answers from the switch until RegionTwo was home again: 0 of {}",
        thousands(count(well))
    ));
    verify(stage, teller).await.context("step `verify`")?;
    let frozen = Instant::now();
    let switched = freeze(stage, teller, &traffic).await.context("step `frozen database`")?;
    say(teller, Sight::of(&traffic, frozen, switched));
    let home = thaw(stage, teller).await.context("step `thawed database`")?;
    let well = all_well(&traffic, switched, home).await.context("step `clients after the second switch`")?;
    teller.held(&format!(
        "wrong answers from the switch until RegionTwo was home again: 0 of {}",
        thousands(count(well))
    ));
    verify(stage, teller).await.context("step `verify again`")?;
    let all = traffic.begun(began, Instant::now()).len();
    teller.scene(&format!(
        "All {} steps held, in {}; clients asked {} times.",
        teller.steps(),
        friendly(teller.elapsed()),
        thousands(count(all))
    ));
    Ok(())
}

async fn set_up(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.scene("keyward setup");
    let started = Instant::now();
    let said = stage.hero.setup(&stage.one.socket(), &stage.two.socket()).await?;
    for step in steps_done(&stage.one.address(), &said) {
        teller.detail(&step);
    }
    teller.held(&format!("RegionTwo is set up in {}", friendly(started.elapsed())));
    first_answers(&stage.keystones[1].api()).await.context("RegionTwo's own Keystone")?;
    teller.held("RegionTwo's own Keystone logs the administrator in, from what was copied");
    Ok(())
}

/// Logs in at a Keystone that nobody has asked yet. Keystone loads its policy for the first request that needs it, which
/// takes its time, and may refuse others that come in meanwhile.
async fn first_answers(api: &Api) -> anyhow::Result<()> {
    let token = api.token(&Login::admin()).await?;
    api.validate(&token, &token).await?.expect_status(200).map(drop)
}

/// Returns a token from before the outage.
async fn watch(stage: &mut Stage, teller: &mut Teller, traffic: &Traffic) -> anyhow::Result<String> {
    teller.scene("keyward run; three people and a service log in and validate tokens from now on");
    let began = Instant::now();
    stage.hero.start()?;
    let watching = stage.hero.wait_for("watching and ready for a failover", |region| {
        region.phase == Phase::Remote && region.master_up == Some(true) && region.ready
    });
    watching.await?;
    until_serving(stage, [true, false]).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let well = all_well(traffic, began, Instant::now()).await?;
    teller.held(&format!("RegionOne's Keystone answers them through RegionTwo's HAProxy: {well} times, none wrong"));
    Api::at(&stage.proxy.address()).token(&Login::admin()).await
}

/// Kills RegionOne. Returns when HAProxy was switched, and a token from the outage.
async fn outage(
    stage: &mut Stage,
    teller: &mut Teller,
    traffic: &Traffic,
    before: &str,
) -> anyhow::Result<(Instant, String)> {
    let killed = Instant::now();
    stage.one.kill9();
    stage.keystones[0].process().kill9();
    teller.scene("RegionOne's database and Keystone are killed (SIGKILL)");
    let switched = until_serving(stage, [false, true]).await?;
    teller.held(&format!(
        "Keyward switched HAProxy to RegionTwo's Keystone {:.2} s after the kill (patience: {})",
        (switched - killed).as_secs_f64(),
        friendly(PATIENCE)
    ));
    traffic.well_after(switched, LIMIT).await?;
    stage.hero.wait_for("authenticating locally", |region| region.phase == Phase::Local).await?;

    let front = Api::at(&stage.proxy.address());
    front.validate(before, before).await?.expect_status(200).context("a token from before the outage")?;
    teller.held("a token from before the outage is valid in RegionTwo");
    front.login(&login(NEWCOMER)).await?.expect_status(201).context("a first login of the day")?;
    teller.held(&format!("{NEWCOMER}, who had not logged in at RegionOne, logs in"));
    let wrong = Login::password(NEWCOMER, "a wrong one");
    front.login(&wrong).await?.expect_status(401).context("a wrong password")?;
    let during = front.token(&login(NEWCOMER)).await.context("a login after a wrong password")?;
    teller.held("a wrong password is refused (401), and the right one still works");
    match front.create_user(before, "eve", &password("eve")).await {
        Ok(reply) if reply.status < 400 => bail!("RegionTwo made a user in the outage: {}", reply.status),
        Ok(reply) => teller.held(&format!("making a user is refused ({}): RegionTwo is read-only", reply.status)),
        Err(error) => teller.held(&format!("making a user is refused ({error}): RegionTwo is read-only")),
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok((switched, during))
}

/// Brings RegionOne back. Returns when RegionTwo was home again and had been for 3 s.
async fn way_back(
    stage: &mut Stage,
    teller: &mut Teller,
    traffic: &Traffic,
    before: &str,
    during: &str,
) -> anyhow::Result<Instant> {
    teller.scene("RegionOne's Keystone and database come back");
    stage.keystones[0].start_again().await?;
    let back = Instant::now();
    stage.one.start().await?;
    first_answers(&stage.keystones[0].api()).await.context("RegionOne's Keystone after its start")?;
    let home = come_home(stage).await?;
    teller.held(&format!("RegionTwo came home {} after the database did", friendly(home - back)));
    traffic.well_after(home, LIMIT).await?;
    let (front, one, two) = (Api::at(&stage.proxy.address()), stage.keystones[0].api(), stage.keystones[1].api());
    for (name, api) in [("RegionOne", &one), ("RegionTwo", &two)] {
        for (when, token) in [("before", before), ("during", during)] {
            let reply = api.validate(token, token).await?.expect_status(200);
            reply.with_context(|| format!("a token from {when} the outage, in {name}"))?;
        }
    }
    teller.held("tokens from before and from the outage are valid in both regions");
    let none = front.get(before, "/v3/users?name=eve").await?.expect_status(200)?;
    ensure!(none.body["users"].as_array().is_some_and(Vec::is_empty), "the refused user is there: {}", none.body);
    front.add_member(before, "late", &password("late")).await?;
    let started = Instant::now();
    while two.login(&login("late")).await?.status != 201 {
        ensure!(started.elapsed() < LIMIT, "a new user cannot log in in RegionTwo");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    teller.held("users are made again, and known to RegionTwo's Keystone at once");
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(Instant::now())
}

/// Freezes RegionOne's database. Returns when HAProxy was switched.
async fn freeze(stage: &mut Stage, teller: &mut Teller, traffic: &Traffic) -> anyhow::Result<Instant> {
    until_checked(stage).await?;
    let frozen = Instant::now();
    stage.one.freeze()?;
    teller.scene("RegionOne's database is frozen (SIGSTOP); its Keystone is not");
    let one = stage.keystones[0].api();
    // on a machine under load HAProxy may miss the answer to a check for other reasons
    let (mut asked, mut checked) = (0, "HAProxy's check found it running");
    loop {
        one.get("", "/v3").await?.expect_status(200).context("GET /v3 of RegionOne's Keystone")?;
        asked += 1;
        let (serving, running) = (stage.proxy.serving().await?, stage.proxy.running().await?);
        if serving == [false, true] {
            break;
        }
        if !running[0] {
            checked = "HAProxy's check missed an answer";
        }
        ensure!(frozen.elapsed() < LIMIT, "Keyward did not switch HAProxy");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let switched = Instant::now();
    teller.held(&format!("its GET /v3 said 200 all the time ({asked} times), and {checked}"));
    teller.held(&format!(
        "Keyward switched HAProxy {:.2} s after the freeze (patience: {})",
        (switched - frozen).as_secs_f64(),
        friendly(PATIENCE)
    ));
    traffic.well_after(switched, LIMIT).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(switched)
}

/// Thaws the database. Returns when RegionTwo was home again and had been for 3 s.
async fn thaw(stage: &mut Stage, teller: &mut Teller) -> anyhow::Result<Instant> {
    teller.scene("RegionOne's database goes on");
    let thawed = Instant::now();
    stage.one.thaw()?;
    let home = come_home(stage).await?;
    teller.held(&format!("RegionTwo came home {} later", friendly(home - thawed)));
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(Instant::now())
}

async fn come_home(stage: &mut Stage) -> anyhow::Result<Instant> {
    let home = until_serving(stage, [true, false]).await?;
    stage.hero.wait_for("the way home", |region| region.phase == Phase::Remote).await?;
    Ok(home)
}

/// Waits until HAProxy sends requests to these; returns when that was seen.
async fn until_serving(stage: &Stage, wanted: [bool; 2]) -> anyhow::Result<Instant> {
    let started = Instant::now();
    while stage.proxy.serving().await? != wanted {
        if started.elapsed() > LIMIT {
            let region = stage.hero.region().await?;
            bail!("HAProxy was not switched for 60 s; phase {}: {}", region.phase, region.sentence);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(Instant::now())
}

/// Waits until HAProxy's own check finds RegionOne's Keystone running.
async fn until_checked(stage: &Stage) -> anyhow::Result<()> {
    let started = Instant::now();
    while !stage.proxy.running().await?[0] {
        ensure!(started.elapsed() < LIMIT, "HAProxy does not find RegionOne's Keystone running");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn verify(stage: &Stage, teller: &mut Teller) -> anyhow::Result<()> {
    teller.scene("keyward verify");
    let said = stage.hero.verify().await?;
    teller.held(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing differs"));
    Ok(())
}

fn say(teller: &mut Teller, sight: Sight) {
    teller.held(&format!(
        "nobody could log in for {:.2} s (goal: at most {}); {} requests were lost",
        sight.outage.as_secs_f64(),
        friendly(PATIENCE + Duration::from_secs(1)),
        sight.lost
    ));
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
