//! A daemon's port as anybody finds it who can reach it: crowded, and with nothing to steal. No database is there.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use keyward::lab::port::Port;
use keyward::lab::{http, program};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(60);
const CROWD: u64 = 1_000;
const SECRETS: [&str; 4] = ["account-wh1sper", "replication-wh1sper", "tok3n-wh1sper", "$2y$04$"];

struct Daemon {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
    _ports: [Port; 3],
}

impl Drop for Daemon {
    fn drop(&mut self) {
        program::end(&mut self.child);
    }
}

impl Daemon {
    /// It runs and has tried to look at servers that are not there.
    async fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let [own, nobody, neither] = [(); 3].map(|()| Port::take().unwrap());
        let address = format!("127.0.0.1:{}", own.number());
        let settings = format!(
            r#"
            state_dir = "{}"
            account = {{ password = "{}" }}
            replication = {{ password = "{}", tls = {{ mode = "disabled" }} }}
            tls = {{ mode = "disabled" }}
            control = {{ socket = "{}" }}
            master = {{ addresses = ["127.0.0.1:{}"] }}
            [http]
            listen = "{address}"
            {more}
            [[regions]]
            name = "RegionTwo"
            [[regions.replicas]]
            name = "r2-db1"
            address = "127.0.0.1:{}"
            [[regions.failover.hooks]]
            name = "services"
            command = ["/bin/true", "{}"]
            "#,
            at("state"),
            SECRETS[0],
            SECRETS[1],
            at("socket"),
            nobody.number(),
            neither.number(),
            SECRETS[2],
        );
        fs::create_dir(folder.path().join("state")).unwrap();
        fs::write(folder.path().join("keyward.toml"), settings).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = program::spawn(Path::new(env!("CARGO_BIN_EXE_keyward")), |command| {
            let command = command.env("KEYWARD_CONFIG", folder.path().join("keyward.toml"));
            command.arg("run").stdout(log.try_clone().unwrap()).stderr(log)
        });
        let daemon = Self { child: child.unwrap(), address, folder, _ports: [own, nobody, neither] };
        let began = Instant::now();
        while http::get(&daemon.address, "/-/healthy").await.is_err() {
            assert!(began.elapsed() < LIMIT, "it does not start: {}", daemon.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        daemon
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn last_tick(&self) -> Option<f64> {
        let text = http::get(&self.address, "/metrics").await.unwrap().body;
        let line = text.lines().find_map(|line| line.strip_prefix("keyward_last_tick_timestamp_seconds "))?;
        line.parse().ok()
    }
}

#[tokio::test]
async fn a_crowd_at_the_port_stops_neither_the_metrics_nor_the_ticks() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(CROWD + 500, |most| most.min(CROWD + 500));
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).unwrap();
    }
    let daemon = Daemon::start("").await;
    let mut crowd = Vec::new();
    for place in 0..CROWD {
        let mut stream = TcpStream::connect(&daemon.address).await.unwrap();
        // a third is silent, a third begins to speak, a third announces more than it says
        let words = ["", "GET /metrics HTTP/1.1\r\nhost: k", "POST / HTTP/1.1\r\ncontent-length: 99\r\n\r\nx"];
        stream.write_all(words[place as usize % 3].as_bytes()).await.unwrap();
        crowd.push(stream);
    }
    let (began, first) = (Instant::now(), daemon.last_tick().await);
    let (mut ticks, mut last) = (0, first);
    while ticks < 3 {
        assert!(began.elapsed() < LIMIT, "it stopped looking: {first:?}, {last:?}\n{}", daemon.log());
        for slow in &mut crowd {
            // most of them have been sent away
            let _ = slow.write_all(b"w").await;
        }
        let tick = daemon.last_tick().await;
        ticks += usize::from(tick != last);
        last = tick;
        assert_eq!(http::get(&daemon.address, "/-/healthy").await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn no_path_prints_a_secret() {
    let hash = bcrypt::hash("the-password-wh1sper", 4).unwrap().replace("$2b$", "$2y$");
    let daemon = Daemon::start(&format!("basic_auth_users = {{ prom = \"{hash}\" }}")).await;
    let login = "Authorization: Basic cHJvbTp0aGUtcGFzc3dvcmQtd2gxc3Blcg==";
    let mut seen = 0;
    for path in [
        "/",
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/api/v1/status",
        "/api/v1/events",
        "/api/v1/openapi.json",
        "/local-auth/RegionTwo",
        "/local-auth/nobody",
        "/nothing",
        "/api/v1/nothing",
        "/keyward.toml",
        "/../keyward.toml",
    ] {
        for method in ["GET", "POST", "TRACE", "OPTIONS"] {
            for login in [login, "Authorization: Basic cHJvbTp3cm9uZy13aDFzcGVy", "X-Nothing: 1"] {
                // the smallest client knows no headers: they ride on the path
                let request = format!("{path} HTTP/1.0\r\n{login}\r\nX-Rest:");
                let answer = http::request(method, &daemon.address, &request).await.unwrap();
                seen += usize::from(answer.status == 200);
                let text = format!("{}{}", answer.head, answer.body);
                for secret in SECRETS.iter().copied().chain(["wh1sper", "cHJvbT"]) {
                    assert!(!text.contains(secret), "{method} {path} with {login} prints {secret}: {text}");
                }
            }
        }
    }
    assert!(seen >= 6, "only {seen} answers had something to tell");
    let log = daemon.log();
    assert!(!log.contains("wh1sper") && !log.contains("$2y$"), "{log}");
}
