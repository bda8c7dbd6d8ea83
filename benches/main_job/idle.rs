//! Memory and CPU while nothing happens, and how quickly `/metrics` answers.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use keyward::lab::http;

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
    let mut took = Vec::with_capacity(SCRAPES);
    for _ in 0..SCRAPES {
        let started = Instant::now();
        let answer = http::get(&rig.http, "/metrics").await?;
        took.push(started.elapsed().as_secs_f64() * 1e3);
        ensure!(answer.status == 200 && answer.body.contains("keyward_phase"), "no metrics: {}", answer.head);
    }
    figures::print(&format!("/metrics, {what}, p50 of {SCRAPES}"), figures::percentile(&mut took, 50), "ms", 1.0);
    println!("    {:<42} {:>9.3} ms", "p99", figures::percentile(&mut took, 99));
    Ok(())
}

/// User and system time of a process; Linux counts it in hundredths of a second.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // the name in brackets may hold spaces; after it, user and system time are the 12th and 13th
    let (_, after) = stat.rsplit_once(')').context("read the daemon's CPU time")?;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}
