//! Throwaway MariaDB servers in temporary folders, each ended with its value.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use keyward::config::schema::{Account, Tls, TlsMode};
use keyward::model::Address;
use keyward::wire::connect::{Place, Target};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub const PASSWORD: &str = "a 'quoted' pass\\word";

/// What keyward's account needs at most in these tests.
const RIGHTS: &str = "GRANT SELECT, INSERT, UPDATE ON keyward.* TO keyward@'%';
    GRANT SLAVE MONITOR, REPLICATION SLAVE ADMIN, READ_ONLY ADMIN, PROCESS, SHOW DATABASES ON *.* TO keyward@'%';";

pub struct Server {
    folder: TempDir,
    pub port: u16,
    arguments: Vec<String>,
    child: Child,
}

impl Server {
    /// A server with keyward's account and none of its schemas.
    pub fn start(arguments: &[&str]) -> Server {
        let folder = TempDir::with_prefix("keyward-looks-").unwrap();
        let copied = Command::new("cp").arg("-r").arg(template()).arg(folder.path().join("data")).status().unwrap();
        assert!(copied.success());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments: Vec<String> =
            arguments.iter().map(|a| a.replace("FOLDER", &folder.path().display().to_string())).collect();
        let child = spawn(folder.path(), port, &arguments);
        let server = Server { folder, port, arguments, child };
        server.wait_until_it_answers();
        server.sql(&format!(
            "SET sql_log_bin = 0; CREATE USER keyward@'%' IDENTIFIED BY '{}'; {RIGHTS}",
            PASSWORD.replace('\\', "\\\\").replace('\'', "\\'")
        ));
        server
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    /// Runs statements as root and returns what they print, tab-separated without headers.
    pub fn sql(&self, statements: &str) -> String {
        let done = self.client(statements);
        assert!(done.status.success(), "{statements}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    fn client(&self, statements: &str) -> std::process::Output {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-N", "-uroot", "-e", statements, "-S"]).arg(self.socket()).output().unwrap()
    }

    /// A root session that runs `statements` and stays open until dropped.
    pub fn session(&self, statements: &str) -> Session {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-uroot", "-S"]).arg(self.socket());
        Session::open(client, statements)
    }

    /// The same with keyward's account.
    pub fn session_of_keyward(&self, statements: &str) -> Session {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "-ukeyward", "-h127.0.0.1", "--protocol=tcp"]);
        client.arg(format!("-P{}", self.port)).env("MYSQL_PWD", PASSWORD);
        Session::open(client, statements)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
    }

    pub fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.port, &self.arguments);
        self.wait_until_it_answers();
    }

    fn wait_until_it_answers(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !self.client("SELECT 1").status.success() {
            let log = self.folder.path().join("log");
            assert!(Instant::now() < patience, "{}", std::fs::read_to_string(log).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn target(&self) -> Target {
        target(self.port)
    }

    /// Makes it a replica of `master` and waits until both threads run.
    pub fn replicate_from(&self, master: &Server) {
        master.sql("CREATE USER IF NOT EXISTS repl@'%' IDENTIFIED BY 'r'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'");
        self.sql(&format!(
            "SET GLOBAL replicate_wild_do_table = 'keystone.%,keyward.%';
             CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = 'repl', MASTER_PASSWORD = 'r',
                 MASTER_USE_GTID = slave_pos, MASTER_HEARTBEAT_PERIOD = 0.2, MASTER_CONNECT_RETRY = 1;
             SET GLOBAL slave_net_timeout = 2; START SLAVE",
            master.port
        ));
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.sql("SHOW ALL SLAVES STATUS").contains("Waiting for master to send event") {
            assert!(Instant::now() < patience, "{}", self.sql("SHOW ALL SLAVES STATUS"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that sits in an open session.
pub struct Session {
    child: Child,
    pub id: u64,
}

impl Session {
    fn open(mut client: Command, statements: &str) -> Session {
        let child = client.args(["-N", "-n"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut session = Session { child, id: 0 };
        writeln!(session.child.stdin.as_mut().unwrap(), "{statements};\nSELECT 'id', CONNECTION_ID();").unwrap();
        let mut said = BufReader::new(session.child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let id = said.find_map(|line| line.strip_prefix("id\t").map(str::to_owned));
        session.id = id.unwrap().parse().unwrap();
        session
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keyward's login through this port.
pub fn target(port: u16) -> Target {
    Target {
        place: Place::Tcp(Address { host: "127.0.0.1".into(), port }),
        account: Account { user: "keyward".into(), password: PASSWORD.to_owned().into() },
        tls: Tls { mode: TlsMode::Disabled, ca_file: None, cert_file: None, key_file: None },
        connect_timeout: Duration::from_secs(5),
    }
}

pub const BEAT_TABLE: &str = "CREATE DATABASE keyward; CREATE TABLE keyward.beat (
    instance VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, number BIGINT UNSIGNED NOT NULL, written_at BIGINT NOT NULL);";

fn spawn(folder: &Path, port: u16, arguments: &[String]) -> Child {
    let path = |name: &str| folder.join(name).display().to_string();
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let first = match arguments.first() {
        Some(first) if first.starts_with("--defaults-file=") => first.clone(),
        _ => "--no-defaults".to_owned(),
    };
    let mut server = Command::new("/usr/sbin/mariadbd");
    server
        .arg(&first)
        .args([
            "--user=root",
            "--bind-address=127.0.0.1",
            "--binlog-format=ROW",
            "--log-bin=binlog",
            "--skip-name-resolve",
        ])
        .args(["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=2"])
        .arg(format!("--datadir={}", path("data")))
        .arg(format!("--socket={}", path("s")))
        .arg(format!("--pid-file={}", path("pid")))
        .arg(format!("--port={port}"))
        .arg(format!("--server-id={port}"))
        .args(arguments.iter().filter(|argument| **argument != first))
        .stderr(log)
        .spawn()
        .unwrap()
}

fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        // kept between runs: it never changes, and making it takes longer than most tests
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mariadb-template");
        if !place.exists() {
            let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mariadb-template-{}", std::process::id()));
            let made = Command::new("mariadb-install-db")
                .args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"])
                .args(["--innodb-log-file-size=8M"])
                .arg(format!("--datadir={}", fresh.display()))
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            // whoever comes second keeps the first one's
            let _ = std::fs::rename(&fresh, &place);
        }
        place
    })
}
