//! The stage: in each of two regions a database, memcached and Keystone, and RegionTwo's HAProxy in front of both.

use anyhow::Context;

use super::super::hero::Hero;
use super::super::stage::{DROP_IN, Files, show_the_way};
use super::super::teller::Teller;
use crate::lab::identity::{Keystone, Memcached, Release, Seed, Spec, seed};
use crate::lab::port::Port;
use crate::lab::server::{self, Server};
use crate::lab::{Haproxy, Lab};

/// Everything on the stage. The daemon ends before all else, and the folder goes last.
#[derive(Debug)]
pub(in crate::demo) struct Stage {
    pub(in crate::demo) hero: Hero,
    pub(super) proxy: Haproxy,
    /// RegionOne's and RegionTwo's.
    pub(super) keystones: [Keystone; 2],
    _caches: [Memcached; 2],
    pub(super) one: Server,
    pub(super) two: Server,
    http: Port,
    lab: Lab,
}

impl Stage {
    pub(in crate::demo) async fn set(teller: &mut Teller, release: Release) -> anyhow::Result<Self> {
        let fetched = release.fetched()?;
        let drivers = fetched.drivers()?;
        let lab = Lab::new()?;
        teller.title(&format!("Keyward: two regions with Keystone {}, and the people who log in", fetched.version));
        teller.scene("RegionOne and RegionTwo start their databases, memcacheds and Keystones");
        let authority = lab.authority("ca")?;
        let seed = Seed::of(&lab, release).await?;
        let keys = lab.folder().join("keys");
        seed.copy_keys(&keys)?;
        let pairs = [authority.server("RegionOne")?, authority.server("RegionTwo")?];
        let master = server::Spec::new("RegionOne", 101).tls(&pairs[0]);
        let replica = server::Spec::new("RegionTwo", 201).tls(&pairs[1]).lines(&DROP_IN);
        let (one, two) = tokio::try_join!(lab.start(master), lab.start(replica))?;
        let caches = tokio::try_join!(Memcached::start(&lab, "m1"), Memcached::start(&lab, "m2"))?;
        let spec = |name: &str, server: &Server, cache: &Memcached| {
            Spec::new(name, &server.address(), &keys).cache(cache).drivers(&drivers)
        };
        let [in_one, in_two] = [spec("k1", &one, &caches.0), spec("k2", &two, &caches.1)];
        let (k1, k2) = tokio::try_join!(Keystone::start(&lab, &seed, in_one), Keystone::start(&lab, &seed, in_two))?;
        seed.load(&one, &k1.address()).await?;
        seed::account(&two).await?;
        let proxy = Haproxy::start(&lab, "proxy", [&k1.address(), &k2.address()]).await?;

        let http = Port::take().context("find a free port")?;
        let address = format!("127.0.0.1:{}", http.number());
        let hooks = include_str!("../hook-haproxy.toml").replace("{haproxy}", &proxy.socket().display().to_string());
        // time enough for RegionOne's Keystone to have answered somebody before everybody asks it again
        let files = Files { ca: &authority.ca_file(), http: &address, one: &one, two: &two, failback_after: "10s" };
        let hero = Hero::new(lab.folder(), files.write(lab.folder(), &hooks)?, address)?;
        teller.detail(&format!("RegionOne  database {}, Keystone {}", one.address(), k1.address()));
        teller.detail(&format!("RegionTwo  database {}, empty, Keystone {}", two.address(), k2.address()));
        teller.detail(&format!("RegionTwo's services and users log in at its HAProxy, {}", proxy.address()));
        let (keystones, caches) = ([k1, k2], [caches.0, caches.1]);
        Ok(Self { hero, proxy, keystones, _caches: caches, one, two, http, lab })
    }

    /// Says where to look while everything stays up.
    pub(in crate::demo) fn show_the_way(&self, teller: &Teller) {
        show_the_way(teller, self.http.number(), self.lab.folder());
        teller.detail(&format!("http://{}/v3  RegionTwo's identity service", self.proxy.address()));
        teller.detail("kill the master yourself:");
        teller.detail(&format!("kill -STOP {0}   and   kill -CONT {0}", self.one.pid().unwrap_or_default()));
    }
}
