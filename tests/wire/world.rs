//! A master, a replica and keyward on three hosts, found healthy.

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
    /// `None` where the system allows no such network.
    pub async fn healthy(wishes: Wishes) -> Option<Self> {
        let mut world = Self::set_up(wishes, &[]).await?;
        world.daemon.start().await;
        world.daemon.until_healthy().await;
        Some(world)
    }

    /// The same with the daemon not started yet; `lines` go into the master's option file.
    pub async fn set_up(wishes: Wishes, lines: &[&str]) -> Option<Self> {
        let lab = Lab::new().unwrap();
        let net = Net::make(lab.folder())?;
        let spec = |name, id, end: End| Spec::new(name, id).elsewhere(&end.address(), &net.host(end).launcher());
        let master = spec("r1", 1, End::Master).lines(lines);
        let replica = spec("r2", 2, End::Replica).lines(&DROP_IN);
        let pair = Pair::of(lab, master, replica).await;
        let mut daemon = Daemon::new(&pair, "keyward", wishes);
        daemon.launcher = net.host(End::Keyward).launcher();
        set_up(&pair, &daemon).await;
        Some(Self { daemon, pair, net })
    }
}
