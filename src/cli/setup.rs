//! `keyward setup`: which replicas, as whom, and how it looks on a terminal and in a log.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::args::Place;
use super::exit::{BadInput, Exit};
use super::meter::Meter;
use super::sheet::{Sheet, Tone, Words};
use super::{admin, args, complain, output};
use crate::act::aside::MovedAside;
use crate::config::schema::Replica;
use crate::config::{self, Settings};
use crate::copy::Copied;
use crate::daemon::setup::{End, How, Progress, set_up_replica, sql_by_hand};
use crate::model::time::friendly;
use crate::model::{Family, RegionName};
use crate::plan::steps::Plan;
use crate::report::log;

/// How a copy's bar looks.
const BAR: &str = "          {bar:24} {binary_bytes} of about {binary_total_bytes}  {msg}";

/// `keyward setup` with the settings in `path`, or in the usual place.
///
/// # Errors
/// Every problem of the settings; or options that contradict them.
pub fn command(path: Option<&Path>, asked: &args::Setup) -> anyhow::Result<Exit> {
    let settings = config::load(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(run(&settings, asked));
    runtime.shutdown_background();
    end
}

/// Does what was asked: lines for people on stdout, what went wrong on stderr, one line each.
///
/// # Errors
/// [`BadInput`]: the options contradict the settings or each other.
pub async fn run(settings: &Settings, asked: &args::Setup) -> anyhow::Result<Exit> {
    let chosen = choose(settings, asked.region.as_ref()).map_err(BadInput)?;
    if let Some(kind) = asked.print_sql {
        return print_sql(settings, kind.family(), &chosen);
    }
    let how = how(settings, asked, &chosen).map_err(BadInput)?;
    let mut end = Exit::Done;
    for (region, replica) in chosen {
        let name = format!("{region}/{}", replica.name);
        let teller = Teller::new(name.clone());
        let outcome = set_up_replica(settings, region, &replica.name, &how, &|progress| teller.tell(progress)).await;
        teller.clear();
        if !show(&name, outcome) {
            end = Exit::Failed;
        }
    }
    Ok(end)
}

/// Replicas of the settings, each with its region.
pub type Chosen<'a> = Vec<(&'a RegionName, &'a Replica)>;

/// The replicas that `--region` names; all of them without it.
///
/// # Errors
/// There is none of that name.
pub fn choose<'a>(settings: &'a Settings, wanted: Option<&Place>) -> Result<Chosen<'a>, String> {
    let all =
        settings.regions.iter().flat_map(|region| region.replicas.iter().map(move |replica| (&region.name, replica)));
    let Some(wanted) = wanted else { return Ok(all.collect()) };
    let fits = |(region, replica): &(&RegionName, &Replica)| {
        **region == wanted.region && wanted.replica.as_ref().is_none_or(|name| *name == replica.name)
    };
    let chosen: Chosen<'_> = all.filter(fits).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let names: Vec<&str> = settings.regions.iter().map(|region| region.name.0.as_str()).collect();
    let what = if names.contains(&wanted.region.0.as_str()) { "replica in that region" } else { "region" };
    Err(format!("--region: the settings have no such {what}; the regions are {}", names.join(", ")))
}

fn how(settings: &Settings, asked: &args::Setup, chosen: &Chosen<'_>) -> Result<How, String> {
    let timeout = settings.connect_timeout;
    let mut how = How {
        dry_run: asked.dry_run,
        force: asked.force,
        max_rate: asked.max_rate.map(|rate| rate.0),
        replace_data: asked.replace_data,
        reseed: asked.reseed,
        ..How::default()
    };
    if let Some(text) = &asked.replica_admin {
        how.replica_admin = Some(admin::at_replica(text, chosen, timeout)?);
    }
    if let Some(text) = &asked.master_admin {
        let variable = "KEYWARD_MASTER_ADMIN_PASSWORD";
        how.master_admin = Some(admin::target("--master-admin", variable, text, &settings.tls, timeout)?);
    }
    Ok(how)
}

fn print_sql(settings: &Settings, family: Family, chosen: &Chosen<'_>) -> anyhow::Result<Exit> {
    for (at, (region, replica)) in chosen.iter().enumerate() {
        let (master, copy) = sql_by_hand(settings, family, region, &replica.name).map_err(BadInput)?;
        if at == 0 {
            output::line(&master.join("\n"))?;
        }
        output::line(&format!("\n-- {region}/{} at {}\n{}", replica.name, replica.address, copy.join("\n")))?;
    }
    Ok(Exit::Done)
}

/// A line for people; a set-up goes on although nobody reads any more.
fn say(text: &str) {
    let _ = output::line(text);
}

/// Shows how one replica ended; whether it ended well.
fn show(name: &str, end: End) -> bool {
    match end {
        End::NothingToDo(drop_in) => {
            say(&format!("{name}: nothing to do."));
            show_drop_in(name, &drop_in);
        }
        End::Planned => say(&format!("{name}: nothing was changed (--dry-run).")),
        End::Done(drop_in) => {
            say(&format!("{name}: set up; both replication threads run and a beat has arrived."));
            show_drop_in(name, &drop_in);
        }
        End::Refused(why) => {
            for sentence in why {
                complain(&format!("keyward: {name}: not set up: {sentence}"));
            }
            return false;
        }
        End::Failed(why) => {
            complain(&format!("keyward: {name}: {why}; run setup again when that is put right"));
            return false;
        }
    }
    true
}

fn show_drop_in(name: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    say(&format!(
        "{name}: a restart of this server would lose its filter and read-only. It cannot remember them itself:\n\
         put these lines into an option file of that server, for example a file 90-keyward.cnf\n\
         in /etc/mysql/mariadb.conf.d or /etc/mysql/mysql.conf.d, and restart it once. Until then the region is not ready.\n\n{}\n",
        lines.join("\n")
    ));
}

/// Tells people how far it is: a bar and wrapped lines on a terminal, whole lines now and then elsewhere.
struct Teller {
    name: String,
    terminal: bool,
    state: Mutex<Told>,
}

/// What has been told so far.
struct Told {
    step: usize,
    steps: usize,
    lock_told: bool,
    meter: Meter,
}

impl Teller {
    fn new(name: String) -> Self {
        let terminal = log::moves(&std::io::stdout());
        let told = Told { step: 0, steps: 0, lock_told: false, meter: Meter::new(terminal, BAR) };
        Self { name, terminal, state: Mutex::new(told) }
    }

    fn state(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, progress: Progress) {
        match progress {
            Progress::Planned(plan) => self.planned(&plan),
            Progress::Step(sentence) => {
                self.clear();
                let mut state = self.state();
                state.step += 1;
                self.line(&format!("[{}/{}]", state.step, state.steps), &sentence);
            }
            Progress::MovedAside(moved) => moved.iter().for_each(|one| self.moved_aside(one)),
            Progress::Copying(copied) => self.copying(&copied),
        }
    }

    /// One line; on a terminal without the name, which stands above, and broken between words.
    fn line(&self, label: &str, text: &str) {
        if !self.terminal {
            return say(&format!("{}: {label} {text}", self.name));
        }
        let mut sheet = Sheet::for_stdout();
        sheet.line(10, Words::new().unit(Tone::Dim, &format!("{label:>9}")).say(Tone::Plain, text));
        let _ = output::write(&sheet.into_text());
    }

    fn planned(&self, plan: &Plan) {
        for finding in &plan.findings {
            say(&format!("{}: found: {finding}.", self.name));
        }
        if plan.steps.is_empty() {
            return;
        }
        let mut state = self.state();
        (state.step, state.steps) = (0, plan.steps.len());
        say(&format!("{}: to do:", self.name));
        if !self.terminal {
            return plan.lines().iter().for_each(|line| say(&format!("  {line}")));
        }
        for (number, step) in (1..).zip(&plan.steps) {
            self.line(&format!("{number}."), &plan.sentence(step));
        }
        say("");
    }

    fn moved_aside(&self, moved: &MovedAside) {
        let (name, of, into) = (&self.name, &moved.of, &moved.into);
        say(&format!("{name}: {of} is {into} now, with {} tables.", moved.tables));
        for left in &moved.left {
            say(&format!("{name}: not made again there, but kept in {into}.moved_by_keyward: {left}"));
        }
        say(&format!(
            "{name}: to move it back, stop replication there, drop or rename {of}, and let its own client run:\n\n{}\n",
            moved.undo.join("\n")
        ));
    }

    fn copying(&self, copied: &Copied) {
        // tables that grew since they were measured must not pass the end of the bar
        let expected = copied.bytes_expected.max(copied.bytes);
        if let Some(lock) = copied.lock
            && !std::mem::replace(&mut self.state().lock_told, true)
        {
            let (waited, held) = (friendly(lock.waited), friendly(lock.held));
            self.line("", &format!("A read lock on the master's tables was waited for {waited} and held {held}."));
        }
        let (at, last) = ((copied.bytes, expected), copied.tables_done == copied.tables);
        let now = format!("{}{}", pace(copied), copied.table);
        self.state().meter.show(at, &now, last, || {
            format!(
                "{}: copied {} rows, {} of about {} MiB, {} of {} tables, {}now {}",
                self.name,
                copied.rows,
                copied.bytes >> 20,
                expected >> 20,
                copied.tables_done,
                copied.tables,
                pace(copied),
                copied.table
            )
        });
    }

    fn clear(&self) {
        self.state().meter.clear();
    }
}

/// How fast it goes and how long the rest will take, as the beginning of a list; nothing while that means nothing yet.
fn pace(copied: &Copied) -> String {
    let rate = copied.rate().map(|rate| format!("{:.1} MiB/s, ", rate as f64 / f64::from(1 << 20)));
    let left = copied.left().filter(|left| !left.is_zero()).map(|left| format!("{} left, ", friendly(left)));
    format!("{}{}", rate.unwrap_or_default(), left.unwrap_or_default())
}
