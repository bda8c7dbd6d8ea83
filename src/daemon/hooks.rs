//! Begins the runs that the judge ordered, and an operator's test of the hooks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::clock;
use super::inputs::Input;
use crate::act::attempt::Output;
use crate::act::hook::{run, run_until};
use crate::act::leftover::settle;
use crate::act::lock::RunPlace;
use crate::config::Settings;
use crate::judge::{Region, Start};
use crate::model::RegionName;
use crate::model::command::{HookTested, Reply};
use crate::model::hook::{HookEnd, HookEvent, HookOutcome, HookRun};
use crate::report::{Events, Metrics};

/// Where runs are written down, and where their output goes.
pub struct Runner {
    folder: PathBuf,
    sink: mpsc::Sender<Input>,
    /// What each region's hooks were last needed for: a test that is under way then gives way.
    needed: BTreeMap<RegionName, watch::Sender<Option<HookEvent>>>,
}

impl Runner {
    /// A runner that keeps its records in `settings.state_dir`.
    pub fn new(settings: &Settings, sink: mpsc::Sender<Input>) -> Self {
        Self { folder: settings.state_dir.join("hooks"), sink, needed: BTreeMap::new() }
    }

    /// Ends what an earlier daemon left running, each run at its time limit, beside everything else.
    pub fn settle(&self, settings: &Settings) {
        for region in &settings.regions {
            let (name, place) = (region.name.clone(), self.place(&region.name));
            tokio::spawn(async move {
                match settle(&place).await {
                    Ok(leftovers) => leftovers.iter().for_each(|one| tracing::warn!(region = %name, "{one}")),
                    Err(error) => tracing::warn!(region = %name, %error, "earlier runs of hooks cannot be looked for"),
                }
            });
        }
    }

    /// Begins the runs; each end comes back as an input. A test of the region's hooks is ended first.
    pub fn begin(&mut self, starts: Vec<Start>) {
        for Start { region, run: order } in starts {
            self.needed.entry(region.clone()).or_default().send_replace(Some(order.event));
            let (place, sink) = (self.place(&region), self.sink.clone());
            tokio::spawn(async move {
                let (outcome, output) = run(order, &place).await;
                log(&region, &outcome, &output);
                // a closed channel means that the daemon ends
                let _ = sink.send(Input::Hook(region, outcome)).await;
            });
        }
    }

    /// Runs every hook of a region once with the event `test` and answers with what came of it. As soon as one of them
    /// is needed, the one that runs is ended and the others are left out.
    pub fn test(&mut self, region: &Region, told: (Arc<Metrics>, Arc<Events>), reply: oneshot::Sender<Reply>) {
        let rules = region.rules();
        let order = |spec: &crate::model::hook::HookSpec| HookRun {
            spec: spec.clone(),
            event: HookEvent::Test,
            episode: format!("{}-test", rules.region),
            turn: 1,
            attempt: 1,
            region: rules.region.clone(),
            phase: region.memory().phase,
            master_region: rules.master_region.clone(),
            master_address: rules.master_at(),
            reason: "an operator tests the hooks".to_owned(),
            data_age: None,
            manual: true,
        };
        let orders: Vec<HookRun> = rules.hooks.iter().map(order).collect();
        let (place, name) = (self.place(&rules.region), rules.region.clone());
        let needed = self.needed.entry(name.clone()).or_default().subscribe();
        tokio::spawn(async move {
            let mut tested = Vec::new();
            for order in orders {
                let (outcome, output) = run_until(order, &place, need(needed.clone())).await;
                log(&name, &outcome, &output);
                crate::report::tell(test_event(&name, &outcome), &told.0, &told.1);
                tested.push((outcome, output));
            }
            let given_up = match needed.has_changed() {
                Ok(true) => Some(need(needed).await),
                _ => None,
            };
            // an operator who did not wait needs no answer
            let _ = reply.send(answer(&name, tested, given_up));
        });
    }

    /// Where the locks and records of a region are.
    pub fn place(&self, region: &RegionName) -> RunPlace {
        RunPlace { folder: self.folder.clone(), region: region.clone(), clock: clock::moment }
    }
}

/// Waits until the hooks are needed, and says what for.
async fn need(mut needed: watch::Receiver<Option<HookEvent>>) -> String {
    match needed.changed().await {
        Ok(()) => {
            let what = needed.borrow().map_or("next run", HookEvent::code);
            format!("given up, because the {what} needs the hooks now")
        }
        // the daemon ends, and its runs with it
        Err(_) => std::future::pending().await,
    }
}

fn test_event(region: &RegionName, outcome: &HookOutcome) -> crate::model::Event {
    let seconds = outcome.took.as_secs_f64();
    crate::model::Event {
        at: clock::wall(),
        region: Some(region.clone()),
        episode: None,
        what: crate::model::EventKind::Hook {
            hook: outcome.hook.clone(),
            event: outcome.event.code().to_owned(),
            outcome: outcome.end.code().to_owned(),
            seconds,
        },
        sentence: format!("test of hook {}: {} after {seconds:.1} s", outcome.hook, outcome.end.words()),
    }
}

fn answer(region: &RegionName, tested: Vec<(HookOutcome, Output)>, given_up: Option<String>) -> Reply {
    let failed = tested.iter().filter(|(outcome, _)| outcome.end != HookEnd::Ok).count();
    let tell = |(outcome, output): (HookOutcome, Output)| HookTested {
        outcome: outcome.end.code().to_owned(),
        detail: match outcome.end {
            HookEnd::Failed(why) => why,
            HookEnd::Ok | HookEnd::TimedOut => String::new(),
        },
        hook: outcome.hook,
        seconds: outcome.took.as_secs_f64(),
        output: output.text,
    };
    let data = serde_json::to_value(tested.into_iter().map(tell).collect::<Vec<_>>()).ok();
    let message = match (failed, given_up) {
        (0, _) => format!("every hook of {region} succeeded with the event `test`"),
        (_, Some(why)) => format!("the test of {region}'s hooks was {why}"),
        (failed, None) => {
            format!("{failed} hook(s) of {region} failed with the event `test`; mend them before they are needed")
        }
    };
    Reply { ok: failed == 0, data, ..Reply::done(message) }
}

/// A hook's output goes to the log only, and to the operator who tests it: it may hold secrets.
fn log(region: &RegionName, outcome: &HookOutcome, output: &Output) {
    let (hook, event, end) = (outcome.hook.as_str(), outcome.event.code(), outcome.end.code());
    for line in output.text.lines() {
        tracing::info!(%region, hook, event, "hook says: {line}");
    }
    if output.dropped_bytes > 0 {
        tracing::warn!(%region, hook, event, dropped_bytes = output.dropped_bytes, "the hook wrote more than is kept");
    }
    for remark in output.leftover.iter().map(ToString::to_string).chain(output.unrecorded.clone()) {
        tracing::warn!(%region, hook, event, "{remark}");
    }
    tracing::debug!(%region, hook, event, end, "the hook ended");
}
