//! Beats: numbered, read back after every gap, never sent twice.

use std::time::Duration;

use keyward::act::beat::{BeatPlan, write_beats};
use keyward::lab::Kind;
use keyward::model::observation::{BeatOrder, BeatOutcome};
use keyward::wire::connect::Target;
use tokio::sync::{mpsc, watch};

use crate::proxy::Proxy;
use crate::server::{BEAT_TABLE, Server, target};
use crate::{look_at_replica, now};

struct Beating {
    orders: mpsc::Sender<BeatOrder>,
    outcomes: mpsc::Receiver<BeatOutcome>,
    _stop: watch::Sender<bool>,
}

impl Beating {
    fn start(target: Target, instance: &str) -> Beating {
        let plan = BeatPlan {
            target,
            instance: instance.into(),
            beat_interval: Duration::from_millis(100),
            limit: Duration::from_secs(1),
        };
        let (orders, taken) = mpsc::channel(16);
        let (sink, outcomes) = mpsc::channel(1_000);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(write_beats(plan, now, taken, sink, |outcome| outcome, stopped));
        Beating { orders, outcomes, _stop: stop }
    }

    async fn next(&mut self) -> BeatOutcome {
        let outcome = tokio::time::timeout(Duration::from_secs(30), self.outcomes.recv()).await;
        outcome.expect("nothing in 30 s").expect("the task ended")
    }

    async fn order(&self, order: BeatOrder) {
        self.orders.send(order).await.unwrap();
    }

    /// The number of the next acknowledged beat; anything else fails the test.
    async fn acknowledged(&mut self) -> u64 {
        match self.next().await {
            BeatOutcome::Acknowledged { number, .. } => number,
            other => panic!("{other:?}"),
        }
    }

    /// Skips to the next reading of the row; gives the numbers acknowledged before it, and the reading.
    async fn reading(&mut self) -> (Vec<u64>, Option<u64>) {
        let mut acknowledged = Vec::new();
        for _ in 0..300 {
            match self.next().await {
                BeatOutcome::Read { number } => return (acknowledged, number),
                BeatOutcome::Acknowledged { number, .. } => acknowledged.push(number),
                BeatOutcome::Refused(_) | BeatOutcome::Unknown(_) => {}
            }
        }
        panic!("the row was never read");
    }

    /// Skips acknowledged beats to the first outcome that is something else.
    async fn other(&mut self) -> BeatOutcome {
        for _ in 0..300 {
            match self.next().await {
                BeatOutcome::Acknowledged { .. } => {}
                other => return other,
            }
        }
        panic!("every beat was acknowledged");
    }
}

fn row(server: &Server, instance: &str) -> u64 {
    server.sql(&format!("SELECT number FROM keyward.beat WHERE instance = '{instance}'")).parse().unwrap()
}

#[tokio::test]
async fn beats_go_up_and_arrive_on_the_replica_as_they_were_written() {
    they_arrive(Kind::default()).await;
}

/// Beats on a pair of this kind.
pub async fn they_arrive(kind: Kind) {
    let (master, replica) = (Server::start_of(kind, &[]), Server::start_of(kind, &[]));
    replica.replicate_from(&master);
    let mut beats = Beating::start(master.target(), "me");
    assert!(matches!(beats.next().await, BeatOutcome::Refused(_)), "there is no table yet");
    master.sql(BEAT_TABLE);
    assert_eq!(beats.reading().await.1, None);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(beats.outcomes.try_recv().is_err(), "nothing is written before the order");
    beats.order(BeatOrder::Write { next: 5 }).await;
    let mut looks = look_at_replica(replica.target(), &crate::names());
    let mut written = std::collections::BTreeMap::new();
    for wanted in 5..15 {
        match beats.next().await {
            BeatOutcome::Acknowledged { number, written_at, sent } => {
                assert_eq!(number, wanted);
                assert!(sent <= crate::moment());
                written.insert(number, written_at);
            }
            other => panic!("{other:?}"),
        }
    }
    beats.order(BeatOrder::Hold).await;
    let look =
        looks.until(|look| look.result.as_ref().unwrap().beats.first().is_some_and(|beat| beat.number >= 14)).await;
    let seen = look.result.unwrap().beats;
    assert_eq!((seen.len(), seen[0].instance.as_str()), (1, "me"));
    if let Some(written_at) = written.get(&seen[0].number) {
        assert_eq!(seen[0].written_at, *written_at);
    }
}

#[tokio::test]
async fn after_a_crash_the_row_is_read_before_anything_is_written() {
    a_crash_in_between(Kind::default()).await;
}

/// A master of this kind that is killed while beats are written.
pub async fn a_crash_in_between(kind: Kind) {
    let mut master = Server::start_of(kind, &["innodb_flush_log_at_trx_commit=1", "sync_binlog=1"]);
    master.sql(BEAT_TABLE);
    let mut beats = Beating::start(master.target(), "me");
    assert_eq!(beats.reading().await, (vec![], None));
    beats.order(BeatOrder::Write { next: 1 }).await;
    let mut last = 0;
    for _ in 0..5 {
        last = beats.acknowledged().await;
    }
    master.kill9();
    loop {
        match beats.next().await {
            BeatOutcome::Acknowledged { number, .. } => last = number,
            BeatOutcome::Unknown(failure) => {
                assert!(failure.reason.is_evidence(), "{failure}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    master.restart(&[]);
    let (found, read) = beats.reading().await;
    let known = found.last().copied().unwrap_or(last);
    assert_eq!(read, Some(known), "everything acknowledged is there and nothing else");
    // told to hold, it writes nothing however long it takes
    beats.order(BeatOrder::Hold).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(beats.outcomes.try_recv().is_err());
    assert_eq!(row(&master, "me"), known);
    // the word to go on makes it look once more
    beats.order(BeatOrder::Write { next: 1 }).await;
    assert_eq!(beats.reading().await, (vec![], Some(known)));
    beats.order(BeatOrder::Write { next: known + 1 }).await;
    let next = beats.acknowledged().await;
    assert!(next > known);
    assert!(row(&master, "me") >= next);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_in_the_row() {
    let master = Server::start(&[]);
    master.sql(BEAT_TABLE);
    let proxy = Proxy::start(master.port(), Duration::ZERO).await;
    let mut beats = Beating::start(target(proxy.port), "me");
    beats.reading().await;
    beats.order(BeatOrder::Write { next: 1 }).await;
    let mut last = beats.acknowledged().await;
    proxy.swallow_answers();
    loop {
        match beats.next().await {
            BeatOutcome::Acknowledged { number, .. } => last = number,
            BeatOutcome::Unknown(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(beats.reading().await, (vec![last + 1], Some(last + 1)));
    // even an order that knows less than the row never makes a number go out twice
    beats.order(BeatOrder::Write { next: last }).await;
    assert_eq!(beats.acknowledged().await, last + 2);
}

#[tokio::test]
async fn a_frozen_master_is_unknown_and_a_late_commit_takes_nothing_back() {
    let master = Server::start(&[]);
    master.sql(BEAT_TABLE);
    let mut beats = Beating::start(master.target(), "me");
    beats.reading().await;
    beats.order(BeatOrder::Write { next: 1 }).await;
    beats.acknowledged().await;
    master.freeze().unwrap();
    let outcome = beats.other().await;
    assert!(matches!(outcome, BeatOutcome::Unknown(_)), "{outcome:?}");
    master.thaw().unwrap();
    let (_, read) = beats.reading().await;
    beats.order(BeatOrder::Write { next: read.unwrap() + 1 }).await;
    let mut last = read.unwrap();
    for _ in 0..5 {
        let number = beats.acknowledged().await;
        assert!(number > last);
        last = number;
        assert!(row(&master, "me") >= number, "the row went back");
    }
}

#[tokio::test]
async fn a_master_that_takes_no_beats_refuses_and_is_not_silent() {
    they_are_refused(Kind::default()).await;
}

/// A master of this kind that somebody locks, and a second keyward with the same id.
pub async fn they_are_refused(kind: Kind) {
    let master = Server::start_of(kind, &[]);
    master.sql(BEAT_TABLE);
    let mut beats = Beating::start(master.target(), "me");
    beats.reading().await;
    beats.order(BeatOrder::Write { next: 1 }).await;
    beats.acknowledged().await;
    let lock = master.session("FLUSH TABLES WITH READ LOCK").await;
    for _ in 0..3 {
        let outcome = beats.other().await;
        assert!(matches!(outcome, BeatOutcome::Refused(_)), "{outcome:?}");
    }
    drop(lock);
    // it goes on by itself: an answer is no gap
    loop {
        match beats.next().await {
            BeatOutcome::Refused(_) => {}
            BeatOutcome::Acknowledged { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    // a second keyward with the same id is told, and writes nothing
    let mut twin = Beating::start(master.target(), "me");
    twin.reading().await;
    twin.order(BeatOrder::Write { next: 1 }).await;
    let mut said = Vec::new();
    // where both write at the same instant, one of them is told of the other's lock on the row instead
    while said.len() < 20 && !said.last().is_some_and(|last: &String| last.contains("same instance id")) {
        match twin.next().await {
            BeatOutcome::Refused(failure) => said.push(failure.detail),
            other => panic!("{other:?} after {said:?}"),
        }
    }
    assert!(said.len() < 20, "{said:?}");
}
