//! What on-call gets: a real Prometheus with the shipped rules, a real Alertmanager that posts what fires, and every
//! question of the dashboard.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use keyward::lab::port::Port;
use keyward::lab::skip::skip;
use keyward::lab::{Lab, http, program};
use keyward::model::Phase;
use keyward::model::url::percent_encoded;
use serde_json::Value;

use super::daemon::{Daemon, LIMIT};
use super::haproxy::Haproxy;
use super::pair::{DROP_IN, Pair, set_up};
use super::receiver::{Answer, Receiver};
use super::settings::{Hook, Wishes};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Panels whose subject this scene does not have.
const NOT_HERE: [&str; 8] =
    ["never compared", "never", "none due", "no identity_url", "not asked", "unknown", "not dated", "nothing known"];

/// A program of the monitoring side; killed when dropped.
struct Running {
    port: Port,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        program::end(&mut self.child);
    }
}

impl Running {
    /// Starts a program in `folder`, if there is one, and waits until it is ready.
    async fn start(name: &str, package: &str, folder: &Path, arguments: &[&str]) -> Option<Self> {
        let file = match program::find(name, package) {
            Ok(file) => file,
            Err(why) => {
                skip(&why.to_string());
                return None;
            }
        };
        let port = Port::take().unwrap();
        let log = fs::File::create(folder.join(format!("{name}.log"))).unwrap();
        let (out, listen) = (log.try_clone().unwrap(), format!("--web.listen-address=127.0.0.1:{}", port.number()));
        let child = program::spawn(&file, |command| {
            command.args(arguments).arg(&listen).current_dir(folder).stdout(Stdio::from(out)).stderr(log)
        });
        let running = Self { port, child: child.unwrap() };
        let began = Instant::now();
        while !http::get(&running.address(), "/-/ready").await.is_ok_and(|answer| answer.status == 200) {
            let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap();
            assert!(began.elapsed() < LIMIT, "{name} is not ready: {log}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(running)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }
}

/// Prometheus, Alertmanager, and where the latter posts.
struct Monitoring {
    prometheus: Running,
    _alertmanager: Running,
    posts: Receiver,
    began: Instant,
}

impl Monitoring {
    async fn of(daemon: &Daemon, folder: &Path) -> Option<Self> {
        let posts = Receiver::start(vec![Answer::Is(200, "")], None).await;
        let route =
            "route: { receiver: oncall, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }";
        let hook = format!("webhook_configs: [{{ url: 'http://127.0.0.1:{}/', send_resolved: true }}]", posts.port());
        fs::write(folder.join("alertmanager.yml"), format!("{route}\nreceivers:\n  - name: oncall\n    {hook}\n"))
            .unwrap();
        let arguments = ["--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address="];
        let alertmanager =
            Running::start("prometheus-alertmanager", "prometheus-alertmanager", folder, &arguments).await?;
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{ROOT}/grafana/alerts/keyward.rules']\n\
             alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['{}'] }}] }}] }}\nscrape_configs:\n  \
             - job_name: keyward\n    static_configs: [{{ targets: ['{}'] }}]\n",
            alertmanager.address(),
            daemon.http()
        );
        fs::write(folder.join("prometheus.yml"), text).unwrap();
        let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=prometheus"];
        let prometheus = Running::start("prometheus", "prometheus", folder, &arguments).await?;
        Some(Self { prometheus, _alertmanager: alertmanager, posts, began: Instant::now() })
    }

    /// Waits until the webhook was told that the alert is `state`, and returns it.
    async fn until_told(&self, alert: &str, state: &str) -> Value {
        let began = Instant::now();
        loop {
            for post in self.posts.seen() {
                let told: Value = serde_json::from_slice(&post.body).unwrap();
                for one in told["alerts"].as_array().unwrap() {
                    if one["labels"]["alertname"] == alert && one["status"] == state {
                        return one.clone();
                    }
                }
            }
            assert!(began.elapsed() < 2 * LIMIT, "nobody was told that {alert} is {state}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a question has an answer.
    async fn until_seen(&self, question: &str) {
        let began = Instant::now();
        while self.series(question).await == 0 {
            assert!(began.elapsed() < LIMIT, "Prometheus never saw {question}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// How many series a question of the dashboard has an answer in, over all the time that Prometheus has scraped.
    async fn series(&self, question: &str) -> usize {
        // what was scraped in this second counts too
        let now = jiff::Timestamp::now().as_second() + 1;
        let span = self.began.elapsed().as_secs() + 5;
        let filled = question
            .replace("$__rate_interval", "10s")
            .replace("$__range", &format!("{span}s"))
            .replace("\"$job\"", "\"keyward\"")
            .replace("\"$instance\"", "\".+\"")
            .replace("\"$region\"", "\"RegionTwo\"");
        assert!(!filled.contains('$'), "an unknown variable: {filled}");
        let start = now - i64::try_from(span).unwrap();
        let path = format!(
            "/api/v1/query_range?query={}&start={start}&end={now}&step=1",
            percent_encoded(&filled, |byte| byte.is_ascii_alphanumeric())
        );
        let answer = http::get(&self.prometheus.address(), &path).await.unwrap();
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
        assert_eq!(said["status"], "success", "{filled}: {said}");
        said["data"]["result"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn the_alert_of_an_outage_reaches_oncall_and_every_panel_has_something_to_show() {
    let lab = Lab::new().unwrap();
    let haproxy = Haproxy::start_in(lab.folder());
    let lines = format!(
        "kind = \"haproxy\"\nsocket = \"{}\"\nremote = [\"identity/k1\"]\nlocal = [\"identity/k2\"]",
        haproxy.socket().display()
    );
    let mut pair = Pair::bare(&DROP_IN).await;
    let mut daemon =
        Daemon::new(&pair, "keyward", Wishes::hooks([Hook::new("haproxy").kind(&lines), Hook::new("local-auth")]));
    set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;
    let Some(monitoring) = Monitoring::of(&daemon, lab.folder()).await else { return };

    // a counter that first appears with its 1 has never grown: Prometheus must have seen the 0
    monitoring.until_seen("keyward_phase offset 3s").await;
    daemon.does(&["pause", "RegionTwo", "--reason", "to see a gate closed"]).await;
    monitoring.until_seen("keyward_failover_gate_closed{gate=\"paused\"} == 1").await;
    daemon.does(&["resume", "RegionTwo"]).await;
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    let told = monitoring.until_told("KeywardMasterUnreachable", "firing").await;
    assert_eq!(told["labels"]["region"], "RegionTwo");
    assert_eq!(told["labels"]["severity"], "critical");
    let words = told["annotations"]["summary"].as_str().unwrap();
    assert_eq!(words, "The master cannot be reached from RegionTwo");
    monitoring.until_told("KeywardLocalAuthActive", "firing").await;

    pair.master.restart().await.unwrap();
    daemon.until("home", |region| region.phase == Phase::Remote && region.episode.is_none()).await;
    monitoring.until_told("KeywardLocalAuthActive", "resolved").await;
    monitoring.until_told("KeywardMasterUnreachable", "resolved").await;

    let dashboard = fs::read_to_string(format!("{ROOT}/grafana/dashboards/keyward.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut empty = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let absent = panel["fieldConfig"]["defaults"]["noValue"].as_str().is_some_and(|text| NOT_HERE.contains(&text));
        for target in panel["targets"].as_array().into_iter().flatten() {
            if monitoring.series(target["expr"].as_str().unwrap()).await == 0 && !absent {
                empty.push(format!("{}: {}", panel["title"], target["expr"]));
            }
        }
    }
    assert!(empty.is_empty(), "{empty:#?}");
    let transitions = dashboard["annotations"]["list"][0]["expr"].as_str().unwrap();
    let began = Instant::now();
    while monitoring.series(transitions).await < 5 {
        assert!(began.elapsed() < LIMIT, "transitions are not marked");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
