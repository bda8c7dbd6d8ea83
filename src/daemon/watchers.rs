//! Starts the tasks that look and beat, one a server, and holds the strings they hang on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::clock;
use super::inputs::Input;
use crate::act::beat::{BeatPlan, write_beats};
use crate::config::Settings;
use crate::config::schema::{Replica, Tls};
use crate::model::observation::BeatOrder;
use crate::model::{Address, RegionName, ReplicaName};
use crate::observe::looker::{Rhythm, look_after};
use crate::observe::master::MasterQuestion;
use crate::observe::names::{ActingWish, NameTag};
use crate::observe::replica::{ReplicaNames, ReplicaQuestion};
use crate::wire::connect::{Place, Target};

/// The strings that the watching tasks hang on.
pub struct Watchers {
    /// What the writer of beats may do.
    pub orders: mpsc::Sender<BeatOrder>,
    /// Whether this daemon wants to act on each replica.
    pub wishes: BTreeMap<(RegionName, ReplicaName), ActingWish>,
    stop: watch::Sender<bool>,
}

impl Watchers {
    /// Starts looking and beating; everything that is seen goes to `sink`.
    pub fn start(settings: &Settings, instance: &str, sink: &mpsc::Sender<Input>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (orders, order) = mpsc::channel(16);
        let rhythm = Rhythm { poll_interval: settings.poll_interval, probe_timeout: settings.probe_timeout };
        let master = NameTag::new(instance, "master");
        let target = target(settings, &settings.master.addresses[0], &settings.tls);
        let question = MasterQuestion::new(target.place.clone(), master.clone());
        tokio::spawn(look_after(
            target.clone(),
            rhythm,
            question,
            clock::moment,
            sink.clone(),
            Input::Master,
            stopped.clone(),
        ));
        let plan = BeatPlan {
            target,
            instance: instance.to_owned(),
            beat_interval: settings.replication.beat_interval,
            limit: settings.probe_timeout.max(Duration::from_secs(1)),
        };
        tokio::spawn(write_beats(plan, clock::now, order, sink.clone(), Input::Beat, stopped.clone()));
        let wishes = start_replicas(settings, instance, &master, rhythm, sink, &stopped);
        Self { orders, wishes, stop }
    }

    /// Ends every task.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

fn start_replicas(
    settings: &Settings,
    instance: &str,
    master: &NameTag,
    rhythm: Rhythm,
    sink: &mpsc::Sender<Input>,
    stopped: &watch::Receiver<bool>,
) -> BTreeMap<(RegionName, ReplicaName), ActingWish> {
    let all = || {
        settings.regions.iter().flat_map(|region| region.replicas.iter().map(move |replica| (&region.name, replica)))
    };
    let tags: Vec<NameTag> =
        all().map(|(region, replica)| NameTag::new(instance, &format!("{region}/{}", replica.name))).collect();
    let mut wishes = BTreeMap::new();
    for (place, (region, replica)) in all().enumerate() {
        let others = all().zip(&tags).enumerate().filter(|(other, _)| *other != place);
        let acting = ActingWish::default();
        let names = ReplicaNames {
            tag: tags[place].clone(),
            master: master.clone(),
            others: others.map(|(_, ((_, replica), tag))| (replica.name.clone(), tag.clone())).collect(),
            acting: acting.clone(),
        };
        let target = of_replica(settings, replica);
        let question = ReplicaQuestion::new(target.place.clone(), names);
        let (region, name) = (region.clone(), replica.name.clone());
        wishes.insert((region.clone(), name.clone()), acting);
        let wrap = move |look| Input::Replica(region.clone(), name.clone(), Box::new(look));
        tokio::spawn(look_after(target, rhythm, question, clock::moment, sink.clone(), wrap, stopped.clone()));
    }
    wishes
}

/// Keyward's own connection to a replica.
pub fn of_replica(settings: &Settings, replica: &Replica) -> Target {
    target(settings, &replica.address, &replica.tls)
}

fn target(settings: &Settings, address: &Address, tls: &Tls) -> Target {
    Target {
        place: Place::Tcp(address.clone()),
        account: settings.account.clone(),
        tls: tls.clone(),
        connect_timeout: settings.connect_timeout,
    }
}
