//! `keyward verify`: do master and replica hold the same rows?

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::exit::{BadInput, Exit};
use super::meter::Meter;
use super::setup::choose;
use super::{args, complain, output};
use crate::compare::{self, Compared, Pace, Report};
use crate::config::{self, Settings};
use crate::model::time::friendly;
use crate::report::log;

/// How the bar looks.
const BAR: &str = "          {bar:24} {human_pos} of about {human_len} rows  {msg}";

/// `keyward verify` with the settings in `path`, or in the usual place.
///
/// # Errors
/// Every problem of the settings; or no such region.
pub fn command(path: Option<&Path>, asked: &args::Verify) -> anyhow::Result<Exit> {
    let settings = config::load(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(run(&settings, asked));
    runtime.shutdown_background();
    end
}

/// Compares one replica after the other: what differs on stdout, why there is no result on stderr, one line each.
///
/// # Errors
/// [`BadInput`]: no such region or replica.
pub async fn run(settings: &Settings, asked: &args::Verify) -> anyhow::Result<Exit> {
    let chosen = choose(settings, asked.region.as_ref()).map_err(BadInput)?;
    let (mut failed, mut differs) = (false, false);
    for (region, replica) in chosen {
        let name = format!("{region}/{}", replica.name);
        let meter = Mutex::new(Meter::new(log::moves(&std::io::stdout()), BAR));
        let meter = || meter.lock().unwrap_or_else(PoisonError::into_inner);
        let tell = |compared: Compared| tell(&mut meter(), &name, &compared);
        let outcome = compare::run(settings, (region, replica), Pace::BRISK, &tell).await;
        meter().clear();
        match outcome {
            Ok(report) => {
                show(&name, &report)?;
                failed |= !report.restless.is_empty();
                differs |= !report.differences.is_empty();
            }
            Err(error) => {
                complain(&format!("keyward: {name}: not compared: {error}"));
                failed = true;
            }
        }
    }
    Ok(match (differs, failed) {
        (true, _) => Exit::Degraded,
        (false, true) => Exit::Failed,
        (false, false) => Exit::Done,
    })
}

fn tell(meter: &mut Meter, name: &str, compared: &Compared) {
    // an estimate that was too low must not pass the end of the bar
    let expected = compared.rows_expected.max(compared.rows);
    meter.show((compared.rows, expected), &compared.table, false, || {
        format!(
            "{name}: compared {} of about {expected} rows, {} of {} tables, {} differences, now {}",
            compared.rows, compared.tables_done, compared.tables, compared.differences, compared.table
        )
    });
}

fn show(name: &str, report: &Report) -> anyhow::Result<()> {
    for difference in &report.differences {
        output::line(&format!("{name}: {}", difference.sentence()))?;
    }
    for table in &report.restless {
        complain(&format!(
            "keyward: {name}: {table} was altered again and again while it was compared: verify when that is over"
        ));
    }
    if let Some(why) = &report.standing {
        complain(&format!(
            "keyward: {name}: {why}; it was compared as it stands, so that what the master changed since counts as different"
        ));
    }
    let what = match report.differing_tables() {
        0 if report.restless.is_empty() => "equal".to_owned(),
        0 => "no difference found".to_owned(),
        1 => "1 table differs".to_owned(),
        many => format!("{many} tables differ"),
    };
    let (tables, rows) = (report.tables, report.rows);
    output::line(&format!("{name}: {what}; {tables} tables and {rows} rows compared in {}", friendly(report.took)))
}
