//! Three hosts with a network between them that does what a drill tells it.
//!
//! A host is a network and a mount namespace with one TUN interface. The packets go through this process, which loses,
//! delays or drops them by direction: real packets, real TCP, and no kernel module for bad weather. The test's own
//! thread sits on keyward's host, so that it asks over HTTP unhindered; servers are asked through their sockets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use keyward::lab::{program, skip};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::Tun;

const LIMIT: Duration = Duration::from_secs(60);
/// As often at least the network looks whether it is still needed.
const TURN: Duration = Duration::from_millis(100);

/// One of the three hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Keyward,
    Master,
    Replica,
}

const ENDS: [End; 3] = [End::Keyward, End::Master, End::Replica];

impl End {
    pub fn address(self) -> String {
        format!("10.77.0.{}", self as u8 + 1)
    }
}

/// What becomes of packets in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub cut: bool,
    /// The share that is lost, from 0 to 1.
    pub loss: f64,
    pub delay: Duration,
}

type Sky = Mutex<[[Weather; 3]; 3]>;

/// The hosts and what lies between them; all of it ends when dropped.
pub struct Net {
    hosts: Vec<Host>,
    sky: Arc<Sky>,
    over: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    forwarder: Option<JoinHandle<()>>,
}

impl Net {
    /// Three hosts in good weather, with the calling thread on keyward's. `None`, and a line that says why, where the
    /// system gives no namespaces or no TUN interface.
    pub fn make(folder: &Path) -> Option<Self> {
        let made = ENDS.map(|end| Host::make(end, folder));
        let mut hosts = Vec::new();
        let mut tuns = Vec::new();
        for made in made {
            match made {
                Ok((host, tun)) => {
                    hosts.push(host);
                    tuns.push(tun);
                }
                Err(why) => {
                    skip::skip(&why);
                    return None;
                }
            }
        }
        hosts[End::Keyward as usize].enter().unwrap();
        let (sky, over) = (Arc::new(Sky::default()), Arc::new(AtomicBool::new(false)));
        let lost = Arc::new(AtomicU64::new(0));
        let forwarder = std::thread::spawn({
            let (sky, lost) = (Arc::clone(&sky), Arc::clone(&lost));
            let mut wire = Wire { tuns, sky, lost, under_way: BinaryHeap::new(), sent: 0 };
            let over = Arc::clone(&over);
            move || {
                while !over.load(Ordering::Relaxed) {
                    wire.turn();
                }
            }
        });
        Some(Self { hosts, sky, over, lost, forwarder: Some(forwarder) })
    }

    pub fn host(&self, end: End) -> &Host {
        &self.hosts[end as usize]
    }

    /// Sets the weather for packets from one host to another.
    pub fn one_way(&self, from: End, to: End, weather: Weather) {
        lock(&self.sky)[from as usize][to as usize] = weather;
    }

    /// Sets the weather between two hosts, both ways.
    pub fn between(&self, one: End, other: End, weather: Weather) {
        self.one_way(one, other, weather);
        self.one_way(other, one, weather);
    }

    pub fn cut_one_way(&self, from: End, to: End) {
        self.one_way(from, to, Weather { cut: true, ..Weather::default() });
    }

    pub fn cut(&self, one: End, other: End) {
        self.between(one, other, Weather { cut: true, ..Weather::default() });
    }

    /// Cuts the master off from everybody.
    pub fn cut_master_off(&self) {
        self.cut(End::Master, End::Keyward);
        self.cut(End::Master, End::Replica);
    }

    /// How many packets the weather has swallowed so far.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Good weather everywhere.
    pub fn heal(&self) {
        *lock(&self.sky) = Default::default();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.forwarder.take().map(JoinHandle::join);
    }
}

/// One host: a process that does nothing but hold the namespaces.
pub struct Host {
    holder: Child,
}

impl Host {
    fn make(end: End, folder: &Path) -> Result<(Self, Tun), String> {
        let (said, ready) = (folder.join(format!("{end:?}.said")), folder.join(format!("{end:?}.ready")));
        let log = File::create(&said).unwrap();
        let script = format!("ip link set lo up && : >{} && exec sleep 600", ready.display());
        let unshare = program::find("unshare", "util-linux").unwrap();
        let held = program::spawn(&unshare, |command| {
            command.args(["--net", "--mount", "sh", "-c", &script]).stdout(log.try_clone().unwrap()).stderr(log)
        });
        let mut host = Self { holder: held.unwrap() };
        let began = Instant::now();
        while !ready.exists() {
            if host.holder.try_wait().unwrap().is_some() || began.elapsed() > LIMIT {
                return Err(format!("no network namespace: {}", std::fs::read_to_string(&said).unwrap().trim()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // a TUN interface belongs to the namespace of the thread that makes it
        let open = || host.enter().and_then(|()| Tun::new());
        let tun = std::thread::scope(|scope| scope.spawn(open).join().unwrap());
        let mut tun = tun.map_err(|error| format!("no TUN interface: {error}"))?;
        tun.set_nonblocking(true).unwrap();
        let address = format!("{}/24", end.address());
        host.run(&["ip", "address", "add", &address, "dev", "tun0"]);
        host.run(&["ip", "link", "set", "tun0", "up"]);
        Ok((host, tun))
    }

    fn enter(&self) -> io::Result<()> {
        let space = File::open(format!("/proc/{}/ns/net", self.holder.id()))?;
        Ok(move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?)
    }

    /// The program and its arguments through which another program starts on this host.
    pub fn launcher(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        ["nsenter", "--target", &target, "--net", "--mount", "--"].map(str::to_owned).to_vec()
    }

    /// Runs a command on this host that must succeed.
    pub fn run(&self, command: &[&str]) {
        let launcher = self.launcher();
        let nsenter = program::find(&launcher[0], "util-linux").unwrap();
        program::finish(&nsenter, LIMIT, |nsenter| nsenter.args(&launcher[1..]).args(command)).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        program::end(&mut self.holder);
    }
}

/// A packet that is on its way, the first to arrive being the greatest.
type Packet = Reverse<(Instant, u64, usize, usize, Vec<u8>)>;

struct Wire {
    tuns: Vec<Tun>,
    sky: Arc<Sky>,
    lost: Arc<AtomicU64>,
    under_way: BinaryHeap<Packet>,
    sent: u64,
}

impl Wire {
    fn turn(&mut self) {
        let due = self.under_way.peek().map(|Reverse((due, ..))| due.saturating_duration_since(Instant::now()));
        let wait = due.unwrap_or(TURN).min(TURN);
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut fds: Vec<PollFd<'_>> = self.tuns.iter().map(|tun| PollFd::new(tun, PollFlags::IN)).collect();
        poll(&mut fds, Some(&wait)).ok();
        let mut buffer = [0; 4096];
        for from in 0..self.tuns.len() {
            while let Ok(length) = self.tuns[from].recv(&mut buffer) {
                self.take(from, &buffer[..length]);
            }
        }
        let sky = *lock(&self.sky);
        while self.under_way.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
            let Some(Reverse((_, _, from, to, packet))) = self.under_way.pop() else { return };
            // a queue that is full loses packets, as in any network
            match sky[from][to].cut {
                true => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
                false => drop(self.tuns[to].send(&packet)),
            }
        }
    }

    fn take(&mut self, from: usize, packet: &[u8]) {
        // of IPv4, the last byte of the address that it is for
        let (Some(4), Some(last)) = (packet.first().map(|byte| byte >> 4), packet.get(19)) else { return };
        let to = usize::from(*last).wrapping_sub(1);
        let Some(weather) = lock(&self.sky)[from].get(to).copied() else { return };
        if weather.cut || fastrand::f64() < weather.loss {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.sent += 1;
        self.under_way.push(Reverse((Instant::now() + weather.delay, self.sent, from, to, packet.to_vec())));
    }
}

fn lock(sky: &Sky) -> MutexGuard<'_, [[Weather; 3]; 3]> {
    sky.lock().unwrap()
}
