//! A network of two ends in namespaces of their own, in which the answers of the far end can be made to vanish.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, ensure};
use keyward::lab::program;

const LIMIT: Duration = Duration::from_secs(10);
const NEAR: &str = "10.77.0.1";

/// Both ends. This process stands at the near one.
pub struct Net {
    // lives as long as the far end is wanted
    keeper: Child,
}

impl Net {
    /// The far end's address.
    pub const FAR: &str = "10.77.0.2";

    /// Runs this program once more with `arguments` in a network namespace of its own; whether that was possible.
    pub fn enter(arguments: &[&str]) -> anyhow::Result<()> {
        let mut unshare = vec!["--net"];
        if !rustix::process::geteuid().is_root() {
            unshare.extend(["--user", "--map-root-user"]);
        }
        let can = Command::new("unshare").args(&unshare).args(["ip", "link", "set", "lo", "up"]).output();
        let can = can.context("unshare and ip (packages util-linux, iproute2) are needed")?;
        ensure!(can.status.success(), "{}", String::from_utf8_lossy(&can.stderr).trim());
        let me = std::env::current_exe()?;
        let status = Command::new("unshare").args(&unshare).arg(me).args(arguments).status()?;
        ensure!(status.success(), "the measurement failed ({status})");
        Ok(())
    }

    /// Lays the line; this process must stand in a network namespace of its own.
    pub fn lay() -> anyhow::Result<Self> {
        let unshare = program::find("unshare", "util-linux")?;
        let keeper = program::spawn(&unshare, |command| command.args(["--net", "sleep", "infinity"]))?;
        let net = Self { keeper };
        net.wait_for_the_far_end()?;
        let pid = net.keeper.id().to_string();
        ip(&["link", "set", "lo", "up"])?;
        ip(&["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &pid])?;
        ip(&["address", "add", &format!("{NEAR}/24"), "dev", "near"])?;
        ip(&["link", "set", "near", "up"])?;
        net.far_ip(&["link", "set", "lo", "up"])?;
        net.far_ip(&["address", "add", &format!("{}/24", Self::FAR), "dev", "far"])?;
        net.far_ip(&["link", "set", "far", "up"])?;
        Ok(net)
    }

    fn wait_for_the_far_end(&self) -> anyhow::Result<()> {
        let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net"));
        let (mine, began) = (namespace(std::process::id())?, std::time::Instant::now());
        while namespace(self.keeper.id())? == mine {
            ensure!(began.elapsed() < LIMIT, "no second network namespace");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// What starts a program at the far end.
    pub fn far_end(&self) -> [String; 3] {
        ["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.keeper.id()), "--".to_owned()]
    }

    /// Nothing that the far end sends arrives any more, and nobody is told.
    pub fn cut(&self) -> anyhow::Result<()> {
        self.far_ip(&["route", "add", "blackhole", &format!("{NEAR}/32")])
    }

    /// Ends the cut.
    pub fn mend(&self) -> anyhow::Result<()> {
        self.far_ip(&["route", "del", "blackhole", &format!("{NEAR}/32")])
    }

    fn far_ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let words = self.far_end();
        program::finish(Path::new(&words[0]), LIMIT, |command| command.args(&words[1..]).arg("ip").args(arguments))
            .map(drop)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        program::end(&mut self.keeper);
    }
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let ip = program::find("ip", "iproute2")?;
    program::finish(&ip, LIMIT, |command| command.args(arguments)).map(drop)
}
