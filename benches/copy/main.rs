//! How fast `keyward setup` copies a keystone-like database that mariadb-dump writes as 367 MB, against
//! `mariadb-dump | mariadb` and against mydumper with myloader: same machine, same servers, same durability, in turns.
//!
//! What is timed of keyward is its step that copies, until the next one begins; the whole set-up, with accounts, link and
//! the first beat, is printed too.
//! `cargo bench --bench copy -- [--runs N] [--users N] [--server mariadb-10.11|mariadb-11.8]`
#![allow(missing_docs, reason = "a program, not a library")]

mod tools;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use keyward::lab::keystone::{self, Size};
use keyward::lab::program::{end, peak_kib};
use keyward::lab::{Kind, Lab, Server, Spec};
use tools::Tool;

/// The budgets: times the faster one of the others, and memory.
const TIMES_FASTER: f64 = 2.0;
const MOST_MIB: f64 = 64.0;
/// A copy that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(1_200);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let runs = number("--runs", 5)?;
    let users = u32::try_from(number("--users", 600_000)?)?;
    let kind = match argument("--server").as_deref() {
        None | Some("mariadb-10.11") => Kind::MariaDb1011,
        Some("mariadb-11.8") => Kind::MariaDb118,
        Some(other) => anyhow::bail!("--server: {other} is not measured here"),
    };
    let lab = Lab::new()?;
    let spec = |name: &str, number: u32| {
        let lines = ["innodb_buffer_pool_size=512M", "innodb_log_file_size=256M", "max_allowed_packet=64M"];
        Spec::new(name, number).kind(kind).lines(&lines)
    };
    let (master, replica) = (lab.start(spec("master", 1)).await?, lab.start(spec("replica", 2)).await?);
    keystone::load(&master, "keystone", Size { users, projects: users.div_ceil(10) }).await?;
    let wanted = keystone::content(&master, "keystone").await?;
    let rows: u64 = wanted.values().map(|(rows, _)| rows).sum();
    let size =
        "SELECT CONCAT(ROUND(SUM(data_length) / 1e6), ' MB and ', ROUND(SUM(index_length) / 1e6), ' MB of indexes')
        FROM information_schema.tables WHERE table_schema = 'keystone'";
    let size = master.value(size).await?.unwrap_or_default();
    println!(
        "{}: {rows} rows, {size}; both servers, the tools and whatever else runs share this machine.",
        master.version()
    );
    let mut seconds: BTreeMap<Tool, Vec<f64>> = BTreeMap::new();
    let (mut ratios, mut wholes, mut peak) = (Vec::new(), Vec::new(), 0);
    for run in 0..runs {
        let mut of_run = BTreeMap::new();
        for at in 0..Tool::ALL.len() {
            // another one first in every run, so that nobody always follows the same one
            let tool = Tool::ALL[(at + usize::try_from(run)?) % Tool::ALL.len()];
            wipe(&master, &replica, lab.folder()).await?;
            let (took, whole, most) = time(tool, &master, &replica, lab.folder())?;
            ensure!(keystone::content(&replica, "keystone").await? == wanted, "{tool:?} did not copy everything");
            if tool == Tool::Keyward {
                peak = most.max(peak);
                wholes.push(whole);
            }
            of_run.insert(tool, took);
            seconds.entry(tool).or_default().push(took);
        }
        let own = of_run[&Tool::Keyward];
        let others = of_run.iter().filter(|(tool, _)| **tool != Tool::Keyward).map(|(_, took)| *took);
        ratios.push(others.fold(f64::INFINITY, f64::min) / own);
        let told: Vec<String> = of_run.iter().map(|(tool, took)| format!("{} {took:.1} s", tool.name())).collect();
        println!(
            "  run {}: {}; times the faster of the others: {:.2}",
            run + 1,
            told.join(", "),
            ratios.last().unwrap_or(&0.0)
        );
    }
    for (tool, mut took) in seconds {
        println!("  {:<28} median {:>6.1} s, best {:>6.1} s", tool.name(), median(&mut took), took[0]);
    }
    println!("  {:<28} median {:>6.1} s", "the whole of keyward setup", median(&mut wholes));
    let (times, mib) = (median(&mut ratios), peak as f64 / 1024.0);
    let verdict = |kept: bool| if kept { "ok" } else { "OVER" };
    println!(
        "  times the faster of the others, median  {times:>6.2}      budget {TIMES_FASTER}: {}",
        verdict(times >= TIMES_FASTER)
    );
    println!(
        "  peak memory of keyward                  {mib:>6.1} MiB  budget {MOST_MIB} MiB: {}",
        verdict(mib <= MOST_MIB)
    );
    Ok(())
}

/// Makes the replica's server what it was before anything was copied to it.
async fn wipe(master: &Server, replica: &Server, folder: &Path) -> anyhow::Result<()> {
    replica
        .sql(
            "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0; SET SESSION sql_log_bin = 0; \
             DROP DATABASE IF EXISTS keystone; DROP DATABASE IF EXISTS keyward; DROP USER IF EXISTS keyward; RESET MASTER; \
             SET GLOBAL gtid_slave_pos = ''; SET GLOBAL replicate_wild_do_table = ''",
        )
        .await?;
    master.sql("DROP USER IF EXISTS keyward; DROP USER IF EXISTS keyward_repl").await?;
    for name in ["state", "dump"] {
        let _ = std::fs::remove_dir_all(folder.join(name));
    }
    std::fs::create_dir(folder.join("state")).context("make a state folder")?;
    // nobody pays for what was written before
    replica.sql("SET GLOBAL innodb_max_dirty_pages_pct = 0").await?;
    let dirty = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_buffer_pool_pages_dirty'";
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        let pages: u64 = replica.value(dirty).await?.and_then(|pages| pages.parse().ok()).unwrap_or(0);
        if pages < 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    replica.sql("SET GLOBAL innodb_max_dirty_pages_pct = 90").await
}

/// Runs a tool to its end: seconds of the copy, seconds of everything, and its peak memory in KiB.
fn time(tool: Tool, master: &Server, replica: &Server, folder: &Path) -> anyhow::Result<(f64, f64, u64)> {
    let began = Instant::now();
    let (mut peak, mut copying) = (0, None);
    for mut command in tool.commands(master, replica, folder)? {
        let mut child = command.spawn().with_context(|| format!("start {}", tool.name()))?;
        let steps = child.stdout.take().map(|output| std::thread::spawn(move || copy_step(output)));
        let status = loop {
            peak = peak_kib(child.id()).unwrap_or(0).max(peak);
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if began.elapsed() > LIMIT {
                end(&mut child);
                anyhow::bail!("{} has not ended within {LIMIT:?}", tool.name());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        ensure!(status.success(), "{} failed: {status}", tool.name());
        copying = steps.and_then(|steps| steps.join().ok()).flatten();
    }
    let whole = began.elapsed();
    Ok((copying.unwrap_or(whole).as_secs_f64(), whole.as_secs_f64(), peak))
}

/// How long it took from the line of the step that copies to the line of the next step.
fn copy_step(output: impl Read) -> Option<Duration> {
    let mut began: Option<Instant> = None;
    let mut took = None;
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let step = line.contains(": [");
        took = took.or(began.filter(|_| step).map(|began| began.elapsed()));
        if step && line.contains("] Copy ") {
            began = Some(Instant::now());
        }
    }
    took
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn argument(name: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.next().and_then(|_| arguments.next())
}

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    argument(name).map_or(Ok(default), |text| text.parse().with_context(|| format!("{name}: {text} is no number")))
}
