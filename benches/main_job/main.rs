//! Figures for the main job on real servers: fault to hook, lag, `/metrics`, memory and CPU while idle.
//!
//! They are printed beside their budgets. Nothing is asserted by the clock; what fails is only what does not happen.
//! `cargo bench --bench main_job -- [--runs N] [--idle SECONDS] [--only faults|lag|idle|drop] [--fault kill|stop]
//! [--pace default|shortest]`
#![allow(missing_docs, reason = "a program, not a library")]

mod faults;
mod figures;
mod idle;
mod lag;
mod net;
mod rig;

use std::time::Duration;

use anyhow::Context;
use faults::Fault;
use keyward::model::Phase;
use net::Net;
use rig::{DEFAULT, LAG, Pace, Rig, SHORTEST};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let runs = number("--runs", 30)?;
    let idle = Duration::from_secs(number("--idle", 30)?);
    let wanted = |part: &str| is_chosen("--only", part);
    if argument("--inside").is_some() {
        return drop_packets(runs).await;
    }
    println!("Two MariaDB servers with TLS on this machine.");
    if wanted("idle") {
        be_idle(DEFAULT, idle, 0.5).await?;
        be_idle(SHORTEST, idle, 5.0).await?;
    }
    if wanted("faults") {
        for (pace, runs) in paces(runs) {
            println!("\nfault to hook, {}", pace.name);
            let mut rig = Rig::make(pace, None).await?;
            for (name, fault) in [("kill", Fault::Killed), ("stop", Fault::Frozen)] {
                if is_chosen("--fault", name) {
                    faults::measure(&mut rig, pace, fault, runs).await?;
                }
            }
        }
    }
    if wanted("drop")
        && let Err(why) = Net::enter(&["--inside", "network", "--runs", &runs.to_string()])
    {
        println!("\nfault to hook, packet drop: not measured: {why:#}");
    }
    if wanted("lag") {
        println!("\nerror of keyward_replica_lag_seconds beyond one look, {}", LAG.name);
        lag::measure(&mut Rig::make(LAG, None).await?, LAG).await?;
    }
    Ok(())
}

/// A run at the default pace takes ten times as long, so there are fewer.
fn paces(runs: u64) -> impl Iterator<Item = (Pace, u64)> {
    let all = [("default", DEFAULT, runs.div_ceil(3)), ("shortest", SHORTEST, runs)];
    all.into_iter().filter(|(name, ..)| is_chosen("--pace", name)).map(|(_, pace, runs)| (pace, runs))
}

/// Whether the option names this, or is not given.
fn is_chosen(option: &str, name: &str) -> bool {
    argument(option).is_none_or(|only| only == name)
}

async fn be_idle(pace: Pace, span: Duration, cpu_budget: f64) -> anyhow::Result<()> {
    println!("\nidle for {} s, one region, {}", span.as_secs(), pace.name);
    let mut rig = Rig::make(pace, None).await?;
    idle::measure(&rig, span, cpu_budget).await?;
    idle::scrape(&rig, "servers alive").await?;
    rig.one.freeze()?;
    rig.two.freeze()?;
    rig.wait_for("suspect", |region| region.phase != Phase::Remote).await?;
    idle::scrape(&rig, "every server frozen").await?;
    rig.two.thaw()?;
    rig.one.thaw()?;
    idle::scrape_many(&rig).await?;
    rig.home().await
}

/// In a network namespace of its own, with the master at the far end of a line.
async fn drop_packets(runs: u64) -> anyhow::Result<()> {
    let net = Net::lay()?;
    for (pace, runs) in paces(runs) {
        println!("\nfault to hook, {}, the master behind a line", pace.name);
        let mut rig = Rig::make(pace, Some(&net)).await?;
        faults::measure(&mut rig, pace, Fault::Dropped(&net), runs).await?;
    }
    Ok(())
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    match argument(name) {
        Some(text) => text.parse().with_context(|| format!("{name} takes a number, not {text:?}")),
        None => Ok(default),
    }
}
