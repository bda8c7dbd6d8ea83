//! Memory and CPU while nothing happens, and how quickly and cheaply `/metrics` answers.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use keyward::config::{self, schema::Region};
use keyward::lab::http;
use keyward::model::RegionName;
use keyward::model::view::{RegionView, ReplicaView, Snapshot};
use keyward::report::serve::{self, State};
use keyward::report::systemd::Watchdog;
use keyward::report::{Events, Metrics};
use tokio::sync::watch;

use crate::figures;
use crate::rig::Rig;

const SCRAPES: usize = 2_000;

/// Watches the daemon for `span`; `cpu_budget` is in percent of a core.
pub async fn measure(rig: &Rig, span: Duration, cpu_budget: f64) -> anyhow::Result<()> {
    let pid = rig.pid()?;
    let (began, before) = (Instant::now(), cpu_seconds(pid)?);
    tokio::time::sleep(span).await;
    let cpu = (cpu_seconds(pid)? - before) / began.elapsed().as_secs_f64() * 100.0;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("read the daemon's memory")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    figures::print("memory (RSS)", kib / 1024.0, "MiB", 15.0);
    figures::print("CPU, percent of a core", cpu, "%", cpu_budget);
    Ok(())
}

/// Asks for the metrics again and again, each time on a connection of its own.
pub async fn scrape(rig: &Rig, what: &str) -> anyhow::Result<()> {
    let pid = rig.pid()?;
    let before = cpu_seconds(pid)?;
    let mut took = times(&rig.http, SCRAPES).await?;
    let cpu = (cpu_seconds(pid)? - before) / SCRAPES as f64 * 1e3;
    figures::print(&format!("/metrics, {what}, p50 of {SCRAPES}"), figures::percentile(&mut took, 50), "ms", 0.5);
    println!("    {:<42} {:>9.3} ms", "p99", figures::percentile(&mut took, 99));
    figures::print("  CPU of a scrape, looks meanwhile included", cpu, "ms", 0.2);
    Ok(())
}

/// The same of a hundred regions like this one with two replicas each, served in this process.
pub async fn scrape_many(rig: &Rig) -> anyhow::Result<()> {
    let mut region = rig.region().await?;
    let replica = region.replicas.first().cloned().context("take the replica for a sample")?;
    region.replicas = ["a", "b"].map(|name| ReplicaView { name: name.into(), ..replica.clone() }).into();
    let mut settings = config::load(Some(&rig.lab.folder().join("keyward.toml")))?;
    let sample = settings.regions.first().cloned().context("take the region for a sample")?;
    let mut snapshot = Snapshot { looked: true, ..Snapshot::default() };
    settings.regions.clear();
    for number in 0..100 {
        let name = format!("Region{number}");
        settings.regions.push(Region { name: RegionName(name.clone()), ..sample.clone() });
        snapshot.regions.push(RegionView { name, ..region.clone() });
    }
    settings.http.listen.port = 0;
    let (_keep, snapshot) = watch::channel(Arc::new(snapshot));
    let folder = rig.lab.folder().join("many");
    fs::create_dir(&folder)?;
    let state = State {
        snapshot,
        metrics: Arc::new(Metrics::new(&settings)?),
        events: Arc::new(Events::open(&folder)?),
        history: Arc::default(),
        watchdog: Arc::new(Watchdog::new(settings.poll_interval)),
    };
    let server = serve::bind(&settings.http).await?;
    let address = server.address()?.to_string();
    let serving = tokio::spawn(serve::serve(server, state, std::future::pending()));
    let mut took = times(&address, SCRAPES / 10).await?;
    serving.abort();
    figures::print("/metrics of 200 replicas, p50", figures::percentile(&mut took, 50), "ms", 10.0);
    println!("    {:<42} {:>9.3} ms", "p99", figures::percentile(&mut took, 99));
    Ok(())
}

/// How long each of `count` scrapes took, in milliseconds.
async fn times(address: &str, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        let answer = http::get(address, "/metrics").await?;
        took.push(started.elapsed().as_secs_f64() * 1e3);
        ensure!(answer.status == 200 && answer.body.contains("keyward_phase"), "no metrics: {}", answer.head);
    }
    Ok(took)
}

/// User and system time of a process; Linux counts it in hundredths of a second.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // the name in brackets may hold spaces; after it, user and system time are the 12th and 13th
    let (_, after) = stat.rsplit_once(')').context("read the daemon's CPU time")?;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}
