//! From the fault to the hook. *Beyond* is the time from the deadline (`unreachable_after` after the last proof of life,
//! as the status announces it) to the first line of the hook's script, its start included.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use keyward::model::Phase;

use crate::figures;
use crate::net::Net;
use crate::rig::{LIMIT, Pace, Rig};

const BUDGET_MS: f64 = 50.0;

/// How RegionOne's database is lost.
#[derive(Clone, Copy)]
pub enum Fault<'a> {
    /// `kill -9`
    Killed,
    /// SIGSTOP
    Frozen,
    /// Nothing that it sends arrives.
    Dropped(&'a Net),
}

impl Fault<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Killed => "kill -9",
            Self::Frozen => "SIGSTOP",
            Self::Dropped(_) => "packet drop",
        }
    }
}

/// Loses the master `runs` times and prints what came of it.
pub async fn measure(rig: &mut Rig, pace: Pace, fault: Fault<'_>, runs: u64) -> anyhow::Result<()> {
    let (mut after_fault, mut beyond) = (Vec::new(), Vec::new());
    let mut slowest = (BUDGET_MS, String::new());
    for _ in 0..runs {
        let before = rig.log().len();
        let (after, over) = lose_master(rig, pace, fault).await?;
        after_fault.push(after * 1e3);
        beyond.push(over * 1e3);
        if over * 1e3 > slowest.0 {
            slowest = (over * 1e3, rig.log().split_off(before));
        }
    }
    let what = format!("{}, {runs} runs", fault.name());
    let median = figures::percentile(&mut after_fault, 50);
    println!("  {what}: hook {median:.0} ms after the fault (median); beyond the patience:");
    println!("    {:<42} {:>9.3} ms", "p50", figures::percentile(&mut beyond, 50));
    figures::print("  p99", figures::percentile(&mut beyond, 99), "ms", BUDGET_MS);
    if let (over, log) = slowest
        && over > BUDGET_MS
    {
        println!("    what the daemon told of the slowest run, {over:.3} ms beyond:");
        log.lines().for_each(|line| println!("      {line}"));
    }
    Ok(())
}

/// Seconds from the fault to the hook, and from the deadline that the status announced to the hook.
async fn lose_master(rig: &mut Rig, pace: Pace, fault: Fault<'_>) -> anyhow::Result<(f64, f64)> {
    let stamps = rig.lab.folder().join("stamps");
    fs::remove_file(&stamps).ok();
    // anywhere within the interval of the looks
    let look = u64::try_from(pace.look.as_millis())?;
    tokio::time::sleep(Duration::from_millis(fastrand::u64(look..2 * look))).await;
    let fault_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
    match fault {
        Fault::Killed => rig.one.kill9(),
        Fault::Frozen => rig.one.freeze()?,
        Fault::Dropped(net) => net.cut()?,
    }
    let started = Instant::now();
    let mut deadline = None;
    let ran_at: f64 = loop {
        let region = rig.region().await?;
        deadline = region.deadline.filter(|_| region.phase == Phase::Suspect).or(deadline);
        let said = fs::read_to_string(&stamps).unwrap_or_default();
        // a line that is not whole yet is read again
        if let Some((stamp, _)) = said.split_once('\n') {
            break stamp.parse().context("read the hook's stamp")?;
        }
        ensure!(started.elapsed() < LIMIT, "no hook within 60 s; phase {}: {}", region.phase, region.sentence);
        tokio::time::sleep(pace.look / 5).await;
    };
    match fault {
        Fault::Killed => rig.one.start().await?,
        Fault::Frozen => rig.one.thaw()?,
        Fault::Dropped(net) => net.mend()?,
    }
    let deadline = deadline.context("the status announced no deadline")?.as_duration().as_secs_f64();
    rig.home().await?;
    Ok((ran_at - fault_at, ran_at - deadline))
}
