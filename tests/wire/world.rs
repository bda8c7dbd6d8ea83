//! A master, a replica and keyward on three hosts.

use keyward::lab::{Lab, Spec};

use super::daemon::Daemon;
use super::net::{End, Net};
use super::pair::{DROP_IN, Pair, set_up};
use super::settings::Wishes;

/// Everything that a drill needs; the hosts outlive what runs on them.
pub struct World {
    pub daemon: Daemon,
    pub pair: Pair,
    pub net: Net,
}

impl World {
    /// Set up, with a daemon that finds everything healthy. `None` where the system allows no such network.
    pub async fn healthy(wishes: Wishes) -> Option<Self> {
        let mut world = Self::of_two_servers().await?;
        world.begin(&wishes).await;
        Some(world)
    }

    /// Two servers with nothing set up, and a daemon that is not started.
    pub async fn of_two_servers() -> Option<Self> {
        Self::with(Lab::new().unwrap(), |_, spec| spec).await
    }

    /// The same with servers as `change` wants them.
    pub async fn with(lab: Lab, change: impl Fn(End, Spec) -> Spec) -> Option<Self> {
        let net = Net::make(lab.folder())?;
        let place = |end: End, spec: Spec| {
            let spec = spec.elsewhere(&end.address(), &net.host(end).launcher());
            change(end, spec)
        };
        let master = place(End::Master, Spec::new("r1", 1));
        let replica = place(End::Replica, Spec::new("r2", 2).lines(&DROP_IN));
        let pair = Pair::of(lab, master, replica).await;
        let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
        daemon.launcher = net.host(End::Keyward).launcher();
        Some(Self { daemon, pair, net })
    }

    /// Sets up, starts the daemon and waits until it finds everything healthy.
    pub async fn begin(&mut self, wishes: &Wishes) {
        self.set_up(wishes).await;
        self.daemon.start().await;
        self.daemon.until_healthy().await;
    }

    pub async fn set_up(&self, wishes: &Wishes) {
        self.daemon.configure(&self.pair, wishes);
        set_up(&self.pair, &self.daemon).await;
    }
}
