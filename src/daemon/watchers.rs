//! Starts the tasks that look and beat, one a server, and holds the strings they hang on.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::clock;
use super::inputs::Input;
use crate::act::beat::{BeatPlan, write_beats};
use crate::config::Settings;
use crate::config::schema::{Identity, KeystoneLogin, Replica, Tls};
use crate::model::observation::BeatOrder;
use crate::model::{Address, RegionName, ReplicaName, WebUrl};
use crate::observe::binlogs::ask_now_and_then;
use crate::observe::keystone::{self, Keystone, Tokens};
use crate::observe::looker::{Rhythm, look_after};
use crate::observe::master::MasterQuestion;
use crate::observe::names::{ActingWish, NameTag};
use crate::observe::replica::{ReplicaNames, ReplicaQuestion};
use crate::wire::connect::{Place, Target};

/// The strings that the watching tasks hang on.
pub struct Watchers {
    /// What the writer of beats at each of the master's addresses may do.
    pub orders: Vec<mpsc::Sender<BeatOrder>>,
    /// Whether this daemon wants to act on each replica.
    pub wishes: BTreeMap<(RegionName, ReplicaName), ActingWish>,
    stop: watch::Sender<bool>,
}

impl Watchers {
    /// Starts looking and beating; everything that is seen goes to `sink`.
    pub fn start(settings: &Settings, instance: &str, sink: &mpsc::Sender<Input>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let rhythm = Rhythm { poll_interval: settings.poll_interval, probe_timeout: settings.probe_timeout };
        let masters: Vec<NameTag> = (0..settings.master.addresses.len())
            .map(|place| NameTag::new(instance, &format!("master {place}")))
            .collect();
        let mut orders = Vec::new();
        for (place, (address, tag)) in settings.master.addresses.iter().zip(&masters).enumerate() {
            let target = target(settings, address, &settings.tls);
            let question = MasterQuestion::new(target.place.clone(), tag.clone());
            let wrap = move |look| Input::Master(place, look);
            tokio::spawn(look_after(
                target.clone(),
                rhythm,
                question,
                clock::moment,
                sink.clone(),
                wrap,
                stopped.clone(),
            ));
            let wrap = move |binlogs| Input::Binlogs(place, binlogs);
            tokio::spawn(ask_now_and_then(target.clone(), sink.clone(), wrap, stopped.clone()));
            let plan = BeatPlan {
                target,
                instance: instance.to_owned(),
                beat_interval: settings.replication.beat_interval,
                limit: settings.probe_timeout.max(Duration::from_secs(1)),
            };
            let (order, ordered) = mpsc::channel(16);
            orders.push(order);
            let wrap = move |outcome| Input::Beat(place, outcome);
            tokio::spawn(write_beats(plan, clock::now, ordered, sink.clone(), wrap, stopped.clone()));
        }
        let wishes = start_replicas(settings, instance, &masters, rhythm, sink, &stopped);
        start_keystones(settings, sink, &stopped);
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
    masters: &[NameTag],
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
            masters: masters.to_vec(),
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

/// One task for RegionOne's Keystone, and one for each region's own; they share the last good token of RegionOne's.
fn start_keystones(settings: &Settings, sink: &mpsc::Sender<Input>, stopped: &watch::Receiver<bool>) {
    let Identity { login, local, ca_file, interval, timeout } = &settings.identity;
    let keystone = |url: &WebUrl, login: &Option<KeystoneLogin>| Keystone {
        url: url.clone(),
        ca_file: ca_file.clone(),
        login: login.clone(),
        interval: *interval,
        timeout: *timeout,
    };
    let (keep, kept) = watch::channel(None);
    if let Some(url) = &settings.master.identity_url {
        let (keystone, tokens) = (keystone(url, login), Tokens::Kept(keep));
        let wrap = |look| Input::Identity(Box::new(look));
        tokio::spawn(keystone::look_after(keystone, tokens, clock::now, sink.clone(), wrap, stopped.clone()));
    }
    for region in &settings.regions {
        let Some(url) = &region.identity_url else { continue };
        let (keystone, tokens) = (keystone(url, local), Tokens::Asked(kept.clone()));
        let name = region.name.clone();
        let wrap = move |look| Input::LocalIdentity(name.clone(), Box::new(look));
        tokio::spawn(keystone::look_after(keystone, tokens, clock::now, sink.clone(), wrap, stopped.clone()));
    }
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
