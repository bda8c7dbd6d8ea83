//! A real HAProxy before two tiny web servers, `k1` and `k2`, so that one sees where requests go.
//!
//! Its configuration has k1 serving and k2 `disabled`, as before the first failover.
#![allow(dead_code, reason = "each of the test programs uses a part of it")]

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use keyward::lab::port::Port;
use keyward::lab::program;
use rustix::process::{Pid, Signal, kill_process};

const LIMIT: Duration = Duration::from_secs(60);

/// One HAProxy; killed when dropped.
pub struct Haproxy {
    folder: PathBuf,
    front: Port,
    admin: Port,
    servers: [u16; 2],
    child: Option<Child>,
    /// A frozen worker does not see that its master is gone.
    frozen: Option<Pid>,
}

impl Haproxy {
    /// Running, with its sockets and configuration in `folder`.
    pub fn start_in(folder: &Path) -> Self {
        let mut haproxy = Self::stopped_in(folder);
        haproxy.start();
        haproxy
    }

    /// The same, not started yet.
    pub fn stopped_in(folder: &Path) -> Self {
        let [front, admin] = [(); 2].map(|()| Port::take().unwrap());
        let servers = ["k1", "k2"].map(answering);
        let haproxy = Self { folder: folder.to_owned(), front, admin, servers, child: None, frozen: None };
        haproxy.configure("admin");
        haproxy
    }

    /// Writes the configuration with `level` for the unix socket; it counts from the next start or reload.
    pub fn configure(&self, level: &str) {
        let (unix, tcp, front) = (self.socket(), self.tcp(), self.front.number());
        let unix = unix.display();
        let [k1, k2] = self.servers;
        let text = format!(
            "global\n    stats socket {unix} mode 600 level {level}\n    stats socket ipv4@{tcp} level admin\n\
             defaults\n    mode http\n    timeout connect 2s\n    timeout client 5s\n    timeout server 5s\n\
             frontend keystone\n    bind 127.0.0.1:{front}\n    default_backend identity\n\
             backend identity\n    server k1 127.0.0.1:{k1} check inter 500ms\n\
             \x20   server k2 127.0.0.1:{k2} check inter 500ms disabled\n\
             backend other\n    server x 127.0.0.1:{k1}\n"
        );
        fs::write(self.folder.join("haproxy.cfg"), text).unwrap();
    }

    /// Adds lines to the configuration; they count from the next start or reload.
    pub fn add(&self, lines: &str) {
        let mut file = OpenOptions::new().append(true).open(self.folder.join("haproxy.cfg")).unwrap();
        file.write_all(lines.as_bytes()).unwrap();
    }

    pub fn start(&mut self) {
        let haproxy = program::find("haproxy", "haproxy").unwrap();
        let log = OpenOptions::new().create(true).append(true).open(self.folder.join("haproxy.log")).unwrap();
        let (out, folder) = (log.try_clone().unwrap(), self.folder.clone());
        let child = program::spawn(&haproxy, |command| {
            let command = command.arg("-W").arg("-S").arg(folder.join("master.sock")).arg("-db");
            command.arg("-f").arg(folder.join("haproxy.cfg")).stdout(out).stderr(log)
        });
        self.child = Some(child.unwrap());
        self.until("it answers", |pid| pid.is_some() && self.master_answers());
    }

    /// A master executes itself anew once its worker serves.
    fn master_answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.master_socket()) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        stream.write_all(b"show proc\n").is_ok() && matches!(stream.read(&mut [0; 64]), Ok(count) if count > 0)
    }

    /// As `systemctl reload haproxy` does; waits until the new process answers.
    pub fn reload(&self) {
        let (old, mut signalled) = (self.pid(), None);
        self.until("a new process answers", |pid| {
            // a master that has only just started its worker does not listen to signals yet
            if signalled.is_none_or(|at: Instant| at.elapsed() > Duration::from_secs(3)) {
                self.signal_master(Signal::USR2);
                signalled = Some(Instant::now());
            }
            pid.is_some() && pid != old
        });
    }

    /// Kills it and its worker.
    pub fn kill9(&mut self) {
        program::end(&mut self.child.take().unwrap());
        self.until("nobody answers", |pid| pid.is_none());
    }

    fn signal_master(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.as_ref().unwrap().id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Stops the process that serves, without ending it.
    pub fn freeze(&mut self) {
        let pid = Pid::from_raw(self.pid().unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        self.frozen = Some(pid);
    }

    pub fn thaw(&mut self) {
        kill_process(self.frozen.take().unwrap(), Signal::CONT).unwrap();
    }

    fn until(&self, what: &str, mut wanted: impl FnMut(Option<i32>) -> bool) {
        let began = Instant::now();
        while !wanted(self.pid()) {
            let log = || fs::read_to_string(self.folder.join("haproxy.log")).unwrap_or_default();
            assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The process that serves now.
    fn pid(&self) -> Option<i32> {
        let info = self.says("show info").ok()?;
        info.lines().find_map(|line| line.strip_prefix("Pid: ")).and_then(|pid| pid.parse().ok())
    }

    /// What it answers on its TCP socket, which has level admin at all times.
    pub fn says(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.tcp())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{command}\n").as_bytes())?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said)
    }

    /// `srv_admin_state` of k1 and k2.
    pub fn states(&self) -> [u32; 2] {
        let said = self.says("show servers state identity").unwrap();
        ["k1", "k2"].map(|name| {
            let line = said.lines().find(|line| line.split(' ').nth(3) == Some(name)).unwrap();
            line.split(' ').nth(6).unwrap().parse().unwrap()
        })
    }

    /// Which server answers a request now; none of them where HAProxy has none to ask.
    pub fn served_by(&self) -> Option<String> {
        served_by(self.front())
    }

    /// The port that its clients ask.
    pub fn front(&self) -> u16 {
        self.front.number()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("admin.sock")
    }

    pub fn master_socket(&self) -> PathBuf {
        self.folder.join("master.sock")
    }

    pub fn tcp(&self) -> String {
        format!("127.0.0.1:{}", self.admin.number())
    }
}

/// Which server answers a request to the port.
pub fn served_by(front: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", front)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(b"GET /v3 HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.to_owned())
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            let _ = kill_process(frozen, Signal::KILL);
        }
        if let Some(child) = &mut self.child {
            program::end(child);
        }
    }
}

/// A web server that answers everything with its name, for as long as this process lives.
fn answering(name: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            std::thread::spawn(move || {
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                // one read holds such a small request; a check by HAProxy sends none
                if matches!(stream.read(&mut [0; 4096]), Ok(count) if count > 0) {
                    let length = name.len();
                    let _ = stream.write_all(
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{name}")
                            .as_bytes(),
                    );
                }
            });
        }
    });
    port
}
