//! `keyward setup`: which replicas, as whom, and how it looks on a terminal and in a log.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::exit::Exit;
use super::{admin, args};
use crate::config::schema::Replica;
use crate::config::{self, Settings};
use crate::copy::Copied;
use crate::daemon::setup::{End, How, Progress, set_up_replica, sql_by_hand};
use crate::model::RegionName;
use crate::plan::steps::Plan;

/// How often a copy tells where it is when there is no terminal.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What was asked for on the command line.
#[derive(Clone, Debug, Default)]
pub struct SetupOptions {
    /// `REGION`, or `REGION/REPLICA`; everything when absent.
    pub region: Option<String>,
    /// Show the plan and do nothing.
    pub dry_run: bool,
    /// Print what an administrator runs by hand, and connect to nobody.
    pub print_sql: bool,
    /// Move present rows away first; not in this release.
    pub replace_data: bool,
    /// Copy once more; not in this release.
    pub reseed: bool,
    /// `USER@HOST:PORT`, `USER@/path` or `/path`.
    pub master_admin: Option<String>,
    /// The same for the replica; one replica must be chosen then.
    pub replica_admin: Option<String>,
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupEnd {
    /// Every chosen replica is set up, or its plan or SQL was shown.
    Done,
    /// At least one replica was refused or failed; stderr says why.
    Failed,
    /// The options contradict the settings or each other; stderr says how.
    BadOptions,
}

/// `keyward setup` with the settings in `path`, or in the usual place.
///
/// # Errors
/// Every problem of the settings.
pub fn command(path: Option<&Path>, args: &args::Setup) -> anyhow::Result<Exit> {
    let settings = config::load(path)?;
    let region = args.region.as_ref().map(|place| match &place.replica {
        Some(replica) => format!("{}/{replica}", place.region),
        None => place.region.to_string(),
    });
    let options = SetupOptions {
        region,
        dry_run: args.dry_run,
        print_sql: args.print_sql,
        replace_data: args.replace_data,
        reseed: args.reseed,
        master_admin: args.master_admin.clone(),
        replica_admin: args.replica_admin.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(run(&settings, &options));
    runtime.shutdown_background();
    Ok(match end {
        SetupEnd::Done => Exit::Done,
        SetupEnd::Failed => Exit::Failed,
        SetupEnd::BadOptions => Exit::BadInput,
    })
}

/// Runs the command: lines for people on stdout, what went wrong on stderr, one line each.
pub async fn run(settings: &Settings, options: &SetupOptions) -> SetupEnd {
    let (chosen, mut how) = match read(settings, options) {
        Ok(read) => read,
        Err(sentence) => {
            eprintln!("{sentence}");
            return SetupEnd::BadOptions;
        }
    };
    if options.print_sql {
        return print_sql(settings, &chosen);
    }
    how.dry_run = options.dry_run;
    let mut end = SetupEnd::Done;
    for (region, replica) in chosen {
        let name = format!("{region}/{}", replica.name);
        let teller = Teller::new(name.clone());
        let outcome = set_up_replica(settings, region, &replica.name, &how, &|progress| teller.tell(progress)).await;
        teller.clear();
        if !show(&name, outcome) {
            end = SetupEnd::Failed;
        }
    }
    end
}

type Chosen<'a> = Vec<(&'a RegionName, &'a Replica)>;

fn read<'a>(settings: &'a Settings, options: &SetupOptions) -> Result<(Chosen<'a>, How), String> {
    for (asked, option) in [(options.replace_data, "--replace-data"), (options.reseed, "--reseed")] {
        if asked {
            return Err(format!("{option} is not in this release yet"));
        }
    }
    let chosen = choose(settings, options.region.as_deref())?;
    if options.print_sql {
        return Ok((chosen, How::default()));
    }
    let timeout = settings.connect_timeout;
    let mut how = How::default();
    if let Some(text) = &options.replica_admin {
        let [(_, replica)] = chosen.as_slice() else {
            return Err("--replica-admin is for one server: choose it with --region REGION/REPLICA".to_owned());
        };
        let variable = "KEYWARD_REPLICA_ADMIN_PASSWORD";
        how.replica_admin = Some(admin::target("--replica-admin", variable, text, &replica.tls, timeout)?);
    }
    if let Some(text) = &options.master_admin {
        let variable = "KEYWARD_MASTER_ADMIN_PASSWORD";
        how.master_admin = Some(admin::target("--master-admin", variable, text, &settings.tls, timeout)?);
    }
    Ok((chosen, how))
}

fn choose<'a>(settings: &'a Settings, wanted: Option<&str>) -> Result<Chosen<'a>, String> {
    let all = || {
        settings.regions.iter().flat_map(|region| region.replicas.iter().map(move |replica| (&region.name, replica)))
    };
    let Some(wanted) = wanted else { return Ok(all().collect()) };
    let mut chosen: Chosen<'_> = all().filter(|(region, _)| region.0 == wanted).collect();
    if chosen.is_empty() {
        chosen = all().filter(|(region, replica)| format!("{region}/{}", replica.name) == wanted).collect();
    }
    if chosen.is_empty() {
        let names: Vec<String> = settings.regions.iter().map(|region| region.name.0.clone()).collect();
        return Err(format!("--region {wanted}: the settings have no such region, only {}", names.join(", ")));
    }
    Ok(chosen)
}

fn print_sql(settings: &Settings, chosen: &Chosen<'_>) -> SetupEnd {
    for (at, (region, replica)) in chosen.iter().enumerate() {
        match sql_by_hand(settings, region, &replica.name) {
            Ok((master, copy)) => {
                if at == 0 {
                    println!("{}", master.join("\n"));
                }
                println!("\n-- {region}/{} at {}", replica.name, replica.address);
                println!("{}", copy.join("\n"));
            }
            Err(sentence) => {
                eprintln!("{sentence}");
                return SetupEnd::BadOptions;
            }
        }
    }
    SetupEnd::Done
}

/// Shows how one replica ended; whether it ended well.
fn show(name: &str, end: End) -> bool {
    match end {
        End::NothingToDo(drop_in) => {
            println!("{name}: nothing to do.");
            show_drop_in(name, &drop_in);
        }
        End::Planned => println!("{name}: nothing was changed (--dry-run)."),
        End::Done(drop_in) => {
            println!("{name}: set up; both replication threads run and a beat has arrived.");
            show_drop_in(name, &drop_in);
        }
        End::Refused(why) => {
            for sentence in why {
                eprintln!("{name}: not set up: {sentence}");
            }
            return false;
        }
        End::Failed(why) => {
            eprintln!("{name}: {why}; run setup again when that is put right");
            return false;
        }
    }
    true
}

fn show_drop_in(name: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    println!("{name}: a restart of this MariaDB would lose its filter and read-only. It cannot remember them itself:");
    println!("put these lines into an option file of that server, for example");
    println!("/etc/mysql/mariadb.conf.d/90-keyward.cnf, and restart it once. Until then the region is not ready.\n");
    println!("{}\n", lines.join("\n"));
}

/// Tells people how far it is: a bar on a terminal, a line now and then elsewhere.
struct Teller {
    name: String,
    bar: Option<ProgressBar>,
    state: Mutex<(usize, usize, Instant)>,
}

impl Teller {
    fn new(name: String) -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let bar = ProgressBar::hidden();
            let style =
                ProgressStyle::with_template("    {bar:24} {binary_bytes} of about {binary_total_bytes}  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { name, bar, state: Mutex::new((0, 0, Instant::now())) }
    }

    fn tell(&self, progress: Progress) {
        match progress {
            Progress::Planned(plan) => self.planned(&plan),
            Progress::Step(sentence) => {
                self.clear();
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.0 += 1;
                println!("{}: [{}/{}] {sentence}", self.name, state.0, state.1);
            }
            Progress::Copying(copied) => self.copying(&copied),
        }
    }

    fn planned(&self, plan: &Plan) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.0, state.1) = (0, plan.steps.len());
        println!("{}: to do:", self.name);
        for line in plan.lines() {
            println!("  {line}");
        }
    }

    fn copying(&self, copied: &Copied) {
        // tables that grew since they were measured must not pass the end of the bar
        let expected = copied.bytes_expected.max(copied.bytes);
        if let Some(bar) = &self.bar {
            if bar.is_hidden() {
                bar.set_draw_target(indicatif::ProgressDrawTarget::stdout());
            }
            bar.set_length(expected);
            bar.set_position(copied.bytes);
            bar.set_message(copied.table.clone());
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.2.elapsed() < TELL_EVERY && copied.tables_done < copied.tables {
            return;
        }
        state.2 = Instant::now();
        println!(
            "{}: copied {} rows, {} of about {} MiB, {} of {} tables, now {}",
            self.name,
            copied.rows,
            copied.bytes >> 20,
            expected >> 20,
            copied.tables_done,
            copied.tables,
            copied.table
        );
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
