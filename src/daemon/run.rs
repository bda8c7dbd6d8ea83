//! The loop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::control::{Control, Request};
use super::doctors::Doctors;
use super::failing::Failing;
use super::hooks::Runner;
use super::inputs::Input;
use super::keep::{self, Keepers};
use super::levels::Levels;
use super::memory::Store;
use super::publish::Publisher;
use super::setups::Setups;
use super::verifies::Verifies;
use super::watchers::Watchers;
use super::{certificates, clock, greeting, reload, rules};
use crate::config::{self, Settings};
use crate::judge::{Judge, Memory};
use crate::model::{Event, EventKind, Moment, Now};
use crate::report::systemd::{self, Watchdog};
use crate::report::{self, Events, Metrics, serve};

/// Inputs that may wait for the loop; all of them are taken in before the judge decides, or it would take for silence
/// what it has not read yet.
const WAITING: usize = 1_024;
/// How often a beat's number alone is written down, and how long a failed write waits.
const LAZY_SAVE: Duration = Duration::from_secs(10);
const RETRY_SAVE: Duration = Duration::from_secs(1);

/// Runs until it is told to stop by SIGTERM or SIGINT; SIGHUP reads the settings of `file` again.
///
/// # Errors
/// One sentence when it cannot start.
pub async fn run(settings: Settings, file: Option<PathBuf>) -> anyhow::Result<()> {
    let (store, memory) = Store::open(&settings.state_dir)?;
    let control = Control::bind(&settings.control_socket)?;
    let server = serve::bind(&settings.http).await?;
    let (stop, stopped) = watch::channel(false);
    let gone = |mut stopped: watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let mut daemon = Daemon::new(settings, store, memory)?;
    let (requests, mut commands) = mpsc::channel(16);
    let mut tasks = tokio::task::JoinSet::new();
    let (files, metrics) = (daemon.settings.clone(), Arc::clone(&daemon.metrics));
    tasks.spawn(certificates::watch(files, metrics, gone(stopped.clone())));
    tasks.spawn(control.serve(requests, gone(stopped.clone())));
    daemon.begin();
    tasks.spawn(serve::serve_apart(server, daemon.served(), gone(stopped))?);
    daemon.turn_until_told(&mut commands, file.as_deref()).await?;
    daemon.end().await;
    stop.send_replace(true);
    let _ = timeout(Duration::from_secs(2), async { while tasks.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Everything that the loop turns around.
pub(super) struct Daemon {
    pub(super) settings: Settings,
    pub(super) judge: Judge,
    store: Store,
    saved: Memory,
    saved_at: Option<Moment>,
    save_failed: bool,
    watchers: Watchers,
    pub(super) keepers: Keepers,
    pub(super) setups: Setups,
    pub(super) verifies: Verifies,
    pub(super) doctors: Doctors,
    pub(super) levels: Levels,
    pub(super) runner: Runner,
    pub(super) publisher: Publisher,
    pub(super) failing: Failing,
    pub(super) metrics: Arc<Metrics>,
    pub(super) events: Arc<Events>,
    watchdog: Arc<Watchdog>,
    sink: mpsc::Sender<Input>,
    inputs: mpsc::Receiver<Input>,
}

impl Daemon {
    fn new(settings: Settings, store: Store, mut memory: Memory) -> anyhow::Result<Self> {
        let now = clock::now();
        let (sink, inputs) = mpsc::channel(WAITING);
        let metrics = Arc::new(Metrics::new(&settings)?);
        let events = Arc::new(Events::open(&settings.state_dir)?);
        let instance = memory.instance.clone();
        let saved = memory.clone();
        if let Some(damaged) = store.damaged() {
            hold_every_region(&mut memory, &settings, damaged);
        }
        let judge = Judge::new(rules::of(&settings), memory, fastrand::u64(..), now);
        Ok(Self {
            watchers: Watchers::start(&settings, &instance, &sink),
            runner: Runner::new(&settings, sink.clone()),
            setups: Setups::new(&settings, sink.clone()),
            verifies: Verifies::new(&settings, sink.clone()),
            doctors: Doctors::new(&settings, now, sink.clone()),
            levels: Levels::new(&settings, sink.clone()),
            watchdog: Arc::new(Watchdog::new(settings.poll_interval)),
            publisher: Publisher::new(&settings, now),
            keepers: Keepers::default(),
            failing: Failing::default(),
            saved_at: None,
            save_failed: false,
            settings,
            judge,
            store,
            saved,
            metrics,
            events,
            sink,
            inputs,
        })
    }

    fn served(&self) -> serve::State {
        serve::State {
            snapshot: self.publisher.subscribe(),
            metrics: Arc::clone(&self.metrics),
            events: Arc::clone(&self.events),
            history: self.publisher.history(),
            watchdog: Arc::clone(&self.watchdog),
        }
    }

    fn begin(&mut self) {
        self.runner.settle(&self.settings);
        // before anything is served: nobody who asks early finds a document without regions
        self.publisher.publish(&self.judge, self.doctors.seen(), &self.saved.instance, clock::now());
        let told = self.events.list();
        for event in self.saved.regions.iter().filter_map(|(name, region)| region.untold(name, &told)) {
            report::tell(event, &self.metrics, &self.events);
        }
        self.tell_daemon(greeting::starts(&self.settings, &self.saved));
        systemd::ready();
    }

    async fn turn_until_told(
        &mut self,
        commands: &mut mpsc::Receiver<Request>,
        file: Option<&Path>,
    ) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        loop {
            let pause = self.pause(clock::moment());
            let answer = tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => {
                    self.reload(file);
                    None
                }
                Some(request) = commands.recv() => self.handle_request(request),
                Some(input) = self.inputs.recv() => {
                    self.handle(input);
                    None
                }
                () = sleep(pause) => None,
            };
            self.handle_waiting().await;
            self.turn().await;
            if let Some((reply, to)) = answer {
                // an operator who did not wait needs no answer
                let _ = to.send(if self.save_failed { reply.unwritten() } else { reply });
            }
        }
    }

    /// How long the loop may sleep: until the judge wants a step, and never longer than a look's interval or a watchdog's
    /// patience. Not at all when that moment has passed during the turn.
    fn pause(&self, now: Moment) -> Duration {
        let deadline = self.judge.poll_deadline().map_or(Duration::MAX, |at| at.since(now));
        let look = self.levels.poll_deadline().map_or(Duration::MAX, |at| at.since(now));
        deadline.min(look).min(self.settings.poll_interval).min(systemd::LONGEST_REST)
    }

    /// Takes in what waits, after everybody who looks has had a chance to hand it over: a loop that was held up must
    /// not take its own delay for silence.
    async fn handle_waiting(&mut self) {
        tokio::task::yield_now().await;
        for _ in 0..WAITING {
            match self.inputs.try_recv() {
                Ok(input) => self.handle(input),
                Err(_) => break,
            }
        }
    }

    /// One turn: decide, write down, tell, act.
    async fn turn(&mut self) {
        let began = clock::moment();
        self.setups.read_stamps(&mut self.judge, clock::now()).await;
        let now = clock::now();
        self.judge.step(now);
        self.setups.mark_reseeds(&mut self.judge, now);
        let upkeeps = self.keepers.due(&self.settings, &mut self.judge, now);
        let saved = self.save(now).await;
        for event in self.judge.take_events() {
            report::tell(event, &self.metrics, &self.events);
        }
        self.runner.begin(self.judge.take_starts(saved));
        self.levels.begin(self.judge.take_level_orders(saved), &self.runner);
        self.levels.look(&self.settings, now.mono);
        keep::begin(&self.settings, upkeeps, &self.sink);
        self.setups.begin_due(&self.settings, &self.judge, now);
        self.setups.begin_reseeds(&self.settings, &self.judge, saved);
        self.verifies.begin_due(&self.settings, &mut self.judge, now);
        self.doctors.begin_due(&self.settings, now);
        self.direct_watchers();
        self.publisher.publish(&self.judge, self.doctors.seen(), &self.saved.instance, clock::now());
        self.watchdog.tick_done();
        let unix_seconds = now.wall.as_millisecond() as f64 / 1_000.0;
        self.metrics.tick_done(clock::moment().since(began), unix_seconds);
    }

    /// Writes the memory down if it is worth it; whether what is on disk is what the judge decided.
    async fn save(&mut self, now: Now) -> bool {
        let memory = self.judge.memory();
        if memory == self.saved && !self.save_failed && self.saved_at.is_some() {
            return true;
        }
        let only_beat = Memory { beat: self.saved.beat, ..memory.clone() } == self.saved;
        let since = self.saved_at.map(|at| now.mono.since(at));
        let lazy = if self.save_failed { RETRY_SAVE } else { LAZY_SAVE };
        if (only_beat || self.save_failed) && since.is_some_and(|since| since < lazy) {
            return !self.save_failed;
        }
        let result = self.store.save(&memory).await;
        self.saved_at = Some(now.mono);
        self.save_failed = result.is_err();
        if result.is_ok() {
            self.saved = memory;
        }
        self.judge.handle_saved(result);
        !self.save_failed
    }

    fn direct_watchers(&mut self) {
        for (place, order) in self.judge.take_beat_orders() {
            // a writer takes orders at once; a full channel means that it hangs, and then no beat is written anyway
            let _ = self.watchers.orders.get(place).map(|writer| writer.try_send(order));
        }
        for ((region, name), wish) in &self.watchers.wishes {
            wish.set(self.judge.region(region).is_some_and(|region| region.wants_lock(name)));
        }
    }

    async fn end(&mut self) {
        systemd::stopping();
        self.watchers.stop();
        self.saved_at = None;
        self.save(clock::now()).await;
        self.tell_daemon("keyward stops: it was told to".to_owned());
        self.events.flush(Duration::from_secs(1));
    }

    /// Bad settings change nothing: the old ones stay in force.
    fn reload(&mut self, file: Option<&Path>) {
        systemd::reloading();
        let now = clock::now();
        let sentence = match config::load(file) {
            Ok(new) => {
                let reload::Merged { settings, changed, mut sentence } = reload::merge(&self.settings, &new);
                self.metrics.prepare(&settings);
                self.judge.handle_rules(rules::of(&settings));
                self.settings = settings;
                for (region, next) in changed.iter().filter_map(|name| Some((name, self.judge.outlook(name, now)?))) {
                    sentence.push_str(&format!("; {region}: {next}"));
                }
                sentence
            }
            Err(problems) => {
                let problems = problems.to_string().replace('\n', "; ");
                format!("the settings were not read again, the old ones stay in force: {problems}")
            }
        };
        self.tell_daemon(sentence);
        systemd::ready();
    }

    fn tell_daemon(&self, sentence: String) {
        let event = Event { at: clock::wall(), region: None, episode: None, what: EventKind::Daemon, sentence };
        report::tell(event, &self.metrics, &self.events);
    }
}

/// With a damaged state nobody knows which way the regions point: nothing is done but on command.
fn hold_every_region(memory: &mut Memory, settings: &Settings, damaged: &str) {
    for region in &settings.regions {
        memory.regions.entry(region.name.clone()).or_default().hold("keyward", damaged);
    }
}
