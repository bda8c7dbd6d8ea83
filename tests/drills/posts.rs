//! Hooks that post, beside hooks that run.

use std::collections::BTreeSet;
use std::fs;

use keyward::lab::http;
use keyward::lab::tls::Authority;
use keyward::model::{Event, EventKind, Phase};
use rustix::process::Signal;

use super::daemon::{Daemon, texts};
use super::hooks;
use super::pair::{DROP_IN, Pair, set_up};
use super::receiver::{Answer, Receiver, Seen};
use super::settings::{Hook, Wishes};

const FINE: Answer = Answer::Is(200, "the receiver speaks");
const BROKEN: Answer = Answer::Is(503, "the receiver is ill");

async fn runs(daemon: &Daemon, hook: &str, outcome: &str) -> f64 {
    let labels = [("hook", hook), ("event", "failover"), ("outcome", outcome)];
    daemon.metric("keyward_hook_runs_total", &labels).await.unwrap_or(0.0)
}

fn document(seen: &Seen) -> serde_json::Value {
    serde_json::from_slice(&seen.body).unwrap()
}

/// The posts as `event turn attempt`.
fn told(receiver: &Receiver) -> Vec<String> {
    let line = |seen: &Seen| {
        let document = document(seen);
        format!("{} {} {}", document["event"].as_str().unwrap(), document["turn"], document["attempt"])
    };
    receiver.seen().iter().map(line).collect()
}

/// Neither the secret nor the token in the URL is anywhere where people or programs read.
async fn assert_no_secret_is_told(daemon: &Daemon) {
    let mut shown = vec![fs::read_to_string(daemon.folder.join("log")).unwrap()];
    for path in ["/", "/metrics", "/api/v1/status", "/api/v1/events"] {
        shown.push(http::get(&daemon.http(), path).await.unwrap().body);
    }
    for command in [&["check"][..], &["status"], &["status", "--json"], &["events"]] {
        let (said, complained) = texts(&daemon.keyward(command).await);
        shown.extend([said, complained]);
    }
    for file in ["state/state.json", "state/events.jsonl"] {
        shown.push(fs::read_to_string(daemon.folder.join(file)).unwrap());
    }
    for text in shown {
        assert!(text.is_empty() || !text.contains("s3cret"), "a secret is told: {text}");
    }
}

#[tokio::test]
async fn a_way_out_posts_over_https_after_the_program_ran_and_the_way_back_before() {
    let pair = Pair::bare(&DROP_IN).await;
    let authority = Authority::make(&pair.lab.folder().join("ca"), "hooks").unwrap();
    let certificate = authority.server("receiver").unwrap();
    let receiver = Receiver::start(vec![FINE, BROKEN, BROKEN, FINE], Some(&certificate)).await;
    let deaf = Receiver::start(vec![Answer::Never], None).await;
    let (port, ca) = (receiver.port(), authority.ca_file());
    let lines = format!(
        "kind = \"http\"\nurl = \"https://localhost:{port}/s3cret?token=s3cret\"\nsecret_file = \"hook.secret\"\n\
         ca_file = \"{}\"",
        ca.display()
    );
    let nobody = format!("kind = \"http\"\nurl = \"http://127.0.0.1:{}/s3cret\"", deaf.port());
    let tell = Hook::new("tell").kind(&lines);
    let wishes = Wishes::hooks([Hook::new("services"), tell, Hook::new("deaf").kind(&nobody).timeout("1s").optional()]);
    let mut daemon = Daemon::new(&pair, "keyward", wishes.clone());
    fs::write(daemon.folder.join("hook.secret"), "s3cret-one\n").unwrap();
    set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;
    let mut pair = pair;

    let (said, _) = texts(&daemon.keyward(&["hook-test", "RegionTwo"]).await);
    for piece in
        ["services: ok", "tell: ok", "| the receiver speaks", "deaf: timeout", "| keyward waited for the answer"]
    {
        assert!(said.contains(piece), "{piece:?} is missing in:\n{said}");
    }

    pair.master.kill9();
    let failing = daemon.until("retrying", |region| region.hooks[1].state == "retrying").await;
    let expected = format!("https://localhost:{port} answered 503 Service Unavailable; what it said is in the log");
    let failure = failing.hooks[1].last_failure.clone().unwrap();
    assert!(failure.contains(&expected) && failing.phase == Phase::Switching, "{failing:#?}");
    daemon.until_local_with_quick_metrics().await;
    assert_eq!(hooks::starts(&daemon.folder), ["test services 1 1", "failover services 1 1"]);
    assert_eq!(told(&receiver), ["test 1 1", "failover 1 1", "failover 1 2", "failover 1 3"]);
    let keys: BTreeSet<String> =
        receiver.seen()[1..].iter().map(|seen| seen.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 1, "attempts at one thing have one key: {keys:?}");
    assert_eq!((runs(&daemon, "tell", "failed").await, runs(&daemon, "tell", "ok").await), (2.0, 1.0));
    assert!(runs(&daemon, "deaf", "timeout").await >= 1.0, "the optional hook was never ended");

    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    assert_eq!(hooks::starts(&daemon.folder).last().unwrap(), "failback services 2 1");
    assert_eq!(told(&receiver).last().unwrap(), "failback 2 1");
    let required_on_the_way_back = |event: Event| match event.what {
        EventKind::Hook { hook, event, .. } if event == "failback" && hook != "deaf" => Some(hook),
        _ => None,
    };
    let order: Vec<String> = daemon.events().await.into_iter().filter_map(required_on_the_way_back).collect();
    assert_eq!(order, ["tell", "services"]);

    // a secret that was changed alone is taken in by SIGHUP too
    fs::write(daemon.folder.join("hook.secret"), "s3cret-two\n").unwrap();
    daemon.signal(Signal::HUP);
    daemon.until_told(&["failover settings of RegionTwo"]).await;
    // the deaf one of the way back may still be running
    let began = std::time::Instant::now();
    while !texts(&daemon.keyward(&["hook-test", "RegionTwo"]).await).0.contains("tell") {
        assert!(began.elapsed() < super::daemon::LIMIT, "the hooks are never tested");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let seen = receiver.seen();
    let (first, last) = (&seen[0], seen.last().unwrap());
    assert_eq!(first.body, last.body);
    assert_ne!(first.headers["x-keyward-signature"], last.headers["x-keyward-signature"]);
    assert_no_secret_is_told(&daemon).await;
}
