//! Figures for the main job on real servers: fault to hook, `/metrics`, memory and CPU while idle.
//!
//! They are printed beside their budgets. Nothing is asserted by the clock; what fails is only what does not happen.
//! `cargo bench --bench main_job -- [--runs N] [--idle SECONDS]`

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail, ensure};
use keyward::lab::keystone::{self, Size};
use keyward::lab::port::Port;
use keyward::lab::{Lab, Server, Spec, http, program};
use keyward::model::Phase;
use keyward::model::view::{RegionView, Snapshot};

const PATIENCE: f64 = 5.0;
const LIMIT: Duration = Duration::from_secs(60);
const SCRAPES: usize = 2_000;
const KEYWARD: &str = env!("CARGO_BIN_EXE_keyward");

/// How RegionOne's database is lost.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed,
    Frozen,
}

/// Two servers, set up, and the daemon that watches them. The daemon ends first.
struct Rig {
    daemon: Option<Child>,
    one: Server,
    two: Server,
    http: String,
    _port: Port,
    lab: Lab,
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            program::end(daemon);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (runs, idle) = (number("--runs", 5)?, number("--idle", 30)?);
    println!("Two MariaDB servers with TLS on this machine, looks every 1 s, unreachable_after {PATIENCE} s.\n");
    let mut rig = Rig::make().await?;

    println!("idle for {idle} s, one region");
    let (memory, cpu) = rig.idle(Duration::from_secs(idle)).await?;
    println!("  memory (RSS)   {memory:>9.1} MiB    budget under 15 MiB");
    println!("  CPU            {cpu:>9.2} %      budget under 0.5 % of a core\n");

    println!("/metrics, {SCRAPES} scrapes, each on a connection of its own");
    print_latencies("master alive", &mut rig.scrape().await?);
    rig.one.freeze()?;
    rig.wait_for("suspect", |region| region.phase != Phase::Remote).await?;
    print_latencies("master frozen", &mut rig.scrape().await?);
    rig.one.thaw()?;
    rig.home().await?;

    println!("\nfault to hook, {runs} runs each; beyond = after unreachable_after since the last proof of life");
    for fault in [Fault::Killed, Fault::Frozen] {
        for _ in 0..runs {
            let (after_fault, beyond) = rig.lose_master(fault).await?;
            println!("  {fault:?}  hook {after_fault:>6.3} s after the fault, {:>6.1} ms beyond", beyond * 1e3);
        }
    }
    println!("  budget: at most 100 ms beyond");
    Ok(())
}

impl Rig {
    async fn make() -> anyhow::Result<Self> {
        let lab = Lab::new()?;
        let authority = lab.authority("ca")?;
        let one = lab.start(Spec::new("one", 101).tls(&authority.server("one")?)).await?;
        let filter = ["replicate_wild_do_table=keystone.%", "replicate_wild_do_table=keyward.%"];
        let spec = Spec::new("two", 201).tls(&authority.server("two")?).lines(&filter);
        let spec = spec.lines(&["skip_slave_start", "read_only=1", "slave_net_timeout=4"]);
        let two = lab.start(spec).await?;
        keystone::load(&one, "keystone", Size { users: 3_000, projects: 400 }).await?;
        let port = Port::take().context("find a free port")?;
        let http = format!("127.0.0.1:{}", port.number());
        write_files(lab.folder(), &http, &authority.ca_file(), &one, &two)?;
        let mut rig = Self { daemon: None, one, two, http, _port: port, lab };
        rig.keyward(&["setup", "--master-admin", &path(&rig.one), "--replica-admin", &path(&rig.two)])?;
        let log = fs::File::create(rig.lab.folder().join("keyward.log"))?;
        let settings = rig.settings();
        let run = program::spawn(Path::new(KEYWARD), |command| {
            command.arg("run").env("KEYWARD_CONFIG", settings).stderr(log)
        });
        rig.daemon = Some(run?);
        rig.home().await?;
        Ok(rig)
    }

    fn settings(&self) -> PathBuf {
        self.lab.folder().join("keyward.toml")
    }

    fn keyward(&self, arguments: &[&str]) -> anyhow::Result<String> {
        program::finish(Path::new(KEYWARD), LIMIT, |command| {
            command
                .args(arguments)
                .env("KEYWARD_CONFIG", self.settings())
                .env("KEYWARD_MASTER_ADMIN_PASSWORD", "")
                .env("KEYWARD_REPLICA_ADMIN_PASSWORD", "")
        })
    }

    async fn region(&self) -> anyhow::Result<RegionView> {
        let answer = http::get(&self.http, "/api/v1/status").await?;
        let snapshot: Snapshot = serde_json::from_str(&answer.body).context("read the status document")?;
        snapshot.regions.into_iter().next().context("the status document names no region")
    }

    async fn wait_for(&self, what: &str, there: impl Fn(&RegionView) -> bool) -> anyhow::Result<RegionView> {
        let started = Instant::now();
        loop {
            match self.region().await {
                Ok(region) if there(&region) => return Ok(region),
                seen if started.elapsed() > LIMIT => {
                    let log = fs::read_to_string(self.lab.folder().join("keyward.log")).unwrap_or_default();
                    bail!("not {what} within 60 s: {seen:?}; log: {}", program::tail(&log, 10))
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Back to a healthy `remote`. An episode is ended by hand, so that no damper makes the next one wait longer.
    async fn home(&mut self) -> anyhow::Result<()> {
        let region = self.wait_for("settled", |region| {
            region.master_up == Some(true) && matches!(region.phase, Phase::Remote | Phase::Local)
        });
        if region.await?.phase == Phase::Local {
            self.keyward(&["failback", "RegionTwo", "--force", "--reason", "the next run"])?;
        }
        self.wait_for("home and ready", |region| region.phase == Phase::Remote && region.ready).await?;
        Ok(())
    }

    /// Seconds from the fault to the hook, and from the deadline that the status announced to the hook.
    async fn lose_master(&mut self, fault: Fault) -> anyhow::Result<(f64, f64)> {
        let stamps = self.lab.folder().join("stamps");
        fs::remove_file(&stamps).ok();
        // anywhere within the interval of the looks
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1_000..2_000))).await;
        let fault_at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        match fault {
            Fault::Killed => self.one.kill9(),
            Fault::Frozen => self.one.freeze()?,
        }
        let started = Instant::now();
        let mut deadline = None;
        let ran_at: f64 = loop {
            let region = self.region().await?;
            deadline = region.deadline.filter(|_| region.phase == Phase::Suspect).or(deadline);
            let said = fs::read_to_string(&stamps).unwrap_or_default();
            if let Some(stamp) = said.lines().next() {
                break stamp.parse().context("read the hook's stamp")?;
            }
            ensure!(started.elapsed() < LIMIT, "no hook within 60 s; phase {}: {}", region.phase, region.sentence);
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        match fault {
            Fault::Killed => self.one.start().await?,
            Fault::Frozen => self.one.thaw()?,
        }
        let deadline = deadline.context("the status announced no deadline")?.as_duration().as_secs_f64();
        self.home().await?;
        Ok((ran_at - fault_at, ran_at - deadline))
    }

    /// How long each scrape took, in milliseconds.
    async fn scrape(&self) -> anyhow::Result<Vec<f64>> {
        let mut took = Vec::with_capacity(SCRAPES);
        for _ in 0..SCRAPES {
            let started = Instant::now();
            let answer = http::get(&self.http, "/metrics").await?;
            took.push(started.elapsed().as_secs_f64() * 1e3);
            ensure!(answer.status == 200 && answer.body.contains("keyward_phase"), "no metrics: {}", answer.head);
        }
        Ok(took)
    }

    /// Memory in MiB at the end, and CPU in percent of a core.
    async fn idle(&self, span: Duration) -> anyhow::Result<(f64, f64)> {
        let pid = self.daemon.as_ref().map(Child::id).context("the daemon runs")?;
        let (began, before) = (Instant::now(), cpu_seconds(pid)?);
        tokio::time::sleep(span).await;
        let cpu = (cpu_seconds(pid)? - before) / began.elapsed().as_secs_f64() * 100.0;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("read the daemon's memory")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok((kib / 1024.0, cpu))
    }
}

/// User and system time of a process; Linux counts it in hundredths of a second.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // the name in brackets may hold spaces; after it, user and system time are the 12th and 13th
    let (_, after) = stat.rsplit_once(')').context("read the daemon's CPU time")?;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}

fn print_latencies(what: &str, took: &mut [f64]) {
    took.sort_by(f64::total_cmp);
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!("  {what:<14} p50 {:.2} ms   p99 {:.2} ms    budget p50 under 1 ms", at(50), at(99));
}

fn path(server: &Server) -> String {
    server.socket().display().to_string()
}

fn write_files(folder: &Path, http: &str, ca: &Path, one: &Server, two: &Server) -> anyhow::Result<()> {
    let settings = include_str!("main_job.toml")
        .replace("{folder}", &folder.display().to_string())
        .replace("{http}", http)
        .replace("{ca}", &ca.display().to_string())
        .replace("{master}", &one.address())
        .replace("{replica}", &two.address());
    let stamp = format!("#!/bin/sh\ndate +%s.%N >>{}/stamps\n", folder.display());
    let files =
        [("keyward.toml", settings, 0o600), ("stamp", stamp, 0o755), ("password", "of-the-bench\n".into(), 0o600)];
    for (name, text, mode) in files {
        let file = folder.join(name);
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
    }
    Ok(fs::create_dir(folder.join("state"))?)
}

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    match arguments.next() {
        Some(text) => text.parse().with_context(|| format!("{name} takes a number, not {text:?}")),
        None => Ok(default),
    }
}
