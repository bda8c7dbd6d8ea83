//! What looks show of healthy, frozen, dead and unfriendly servers.

use std::time::{Duration, Instant};

use keyward::dialect::answer::Table;
use keyward::model::observation::{Durability, MasterFacts, ThreadState};
use keyward::model::{Failure, Reason};
use keyward::observe::looker::{Question, Rhythm};
use keyward::observe::master::MasterQuestion;
use keyward::wire::connect::{Target, meaning, within};
use keyward::wire::server::{Greeting, Patience, ask, open};

use crate::proxy::Proxy;
use crate::server::{BEAT_TABLE, Server};
use crate::{FAST, Looking, look_at_master, look_at_replica, names};

const PATIENCE: Patience =
    Patience { idle: Duration::from_secs(30), statement: Duration::from_secs(5), lock: Duration::ZERO };

#[tokio::test]
async fn a_healthy_pair_is_described_in_full() {
    let (master, replica) = (Server::start(&[]), Server::start(&[]));
    replica.replicate_from(&master);
    replica.sql("SET GLOBAL read_only = 1; CREATE DATABASE nova");
    let names = names();
    let mut at_master = look_at_master(master.target(), &names.masters[0]);
    let seen = at_master.good().await;
    assert_eq!(seen.identity.server_id.to_string(), master.sql("SELECT @@server_id"));
    assert!(!seen.identity.uid.is_empty() && seen.version.starts_with("10.11"), "{seen:?}");
    assert!(seen.position.starts_with("0-"), "{seen:?}");
    assert!(seen.beats.is_empty(), "no table yet: {seen:?}");

    let mut at_replica = look_at_replica(replica.target(), &names);
    let first = at_replica.good().await;
    assert_ne!(first.identity.uid, seen.identity.uid);
    assert!(first.read_only && first.read_only_durability == Durability::Hidden);
    assert_eq!((first.filter.as_str(), first.filter_durability), ("keystone.%,keyward.%", Durability::Hidden));
    assert_eq!((first.net_timeout_seconds, first.own_replicas, first.galera), (2, 0, false));
    assert_eq!(first.schemas, ["nova"]);
    assert!(first.other_links.is_empty() && first.uptime_seconds < 600);
    let link = first.link.unwrap();
    assert_eq!((link.host.as_str(), link.port, link.user.as_str()), ("127.0.0.1", master.port(), "repl"));
    assert_eq!((link.io, link.sql), (ThreadState::Running, ThreadState::Running));
    assert!(link.by_gtid && link.log_number == 1 && link.log_position > 4);
    assert_eq!((link.io_errno, link.sql_errno), (0, 0));
    // the server counts whole seconds, and a busy one is a little behind
    assert!(link.seconds_behind.is_some_and(|behind| behind < 60), "{link:?}");
    assert!((link.heartbeat_period - 0.2).abs() < 1e-9);

    let beating = at_replica
        .until(|look| look.result.as_ref().unwrap().link.as_ref().unwrap().heartbeats > link.heartbeats)
        .await;
    assert_eq!(beating.connection, 1);

    // the table appears on the connection that is open already
    master.sql(BEAT_TABLE);
    master.sql("INSERT INTO keyward.beat VALUES ('a', 7, 1700000000123456), ('b', 1, 1600000000000000)");
    let shows = |beats: &[keyward::model::observation::BeatRow]| {
        beats.iter().map(|b| (b.instance.clone(), b.number, b.written_at.as_microsecond())).collect::<Vec<_>>()
    };
    let rows = vec![("a".to_owned(), 7, 1_700_000_000_123_456), ("b".to_owned(), 1, 1_600_000_000_000_000)];
    let arrived = at_replica.until(|look| look.result.as_ref().is_ok_and(|facts| !facts.beats.is_empty())).await;
    assert_eq!(shows(&arrived.result.unwrap().beats), rows);
    assert_eq!(arrived.connection, 1);
    assert_eq!(shows(&at_master.good().await.beats), rows);

    // a locked table neither fails the look nor hides what was seen
    let lock = replica.session("STOP SLAVE; LOCK TABLES keyward.beat WRITE").await;
    for _ in 0..5 {
        let look = at_replica.next().await;
        assert_eq!(shows(&look.result.unwrap().beats), rows);
    }
    let locked = at_replica.good().await;
    assert_eq!(shows(&locked.beats), rows);
    assert_eq!(locked.link.unwrap().sql, ThreadState::Stopped);
    drop(lock);
}

#[tokio::test]
async fn settings_of_an_option_file_are_durable_and_other_links_are_told() {
    let filter = ["replicate_wild_do_table=keystone.%", "replicate_wild_do_table=keyward.%"];
    let server = Server::start(&["read_only", filter[0], filter[1]]);
    let mut looks = look_at_replica(server.target(), &names());
    let facts = looks.good().await;
    assert!(facts.read_only && facts.read_only_durability == Durability::Kept);
    assert_eq!((facts.filter.as_str(), facts.filter_durability), ("keystone.%,keyward.%", Durability::Kept));
    assert_eq!(facts.link, None);
    server.sql("SET GLOBAL read_only = 0; CHANGE MASTER 'other' TO MASTER_HOST = '10.9.8.7', MASTER_PORT = 3310");
    let facts = looks.good().await;
    assert!(!facts.read_only && facts.read_only_durability == Durability::Hidden);
    assert_eq!((facts.link, facts.other_links), (None, vec!["10.9.8.7:3310".to_owned()]));
}

#[tokio::test]
async fn a_killed_server_is_evidence_at_once_and_comes_back_on_a_new_connection() {
    let mut server = Server::start(&[]);
    let mut looks = look_at_master(server.target(), &names().masters[0]);
    looks.good().await;
    server.kill9();
    let broken = looks.until(|look| look.result.is_err()).await;
    let failure = broken.result.unwrap_err();
    assert!(matches!(failure.reason, Reason::Reset | Reason::Refused), "{failure}");
    let mut last = broken.began;
    for _ in 0..3 {
        let refused = looks.next().await;
        let failure = refused.result.unwrap_err();
        assert_eq!((failure.reason, refused.connection), (Reason::Refused, 1), "{failure}");
        assert!(refused.began >= last && refused.ended >= refused.began);
        last = refused.began;
    }
    server.restart(&[]);
    let back = looks.until(|look| look.result.is_ok()).await;
    assert_eq!(back.connection, 2);
}

#[tokio::test]
async fn a_frozen_server_times_out_look_after_look() {
    let server = Server::start(&[]);
    let mut looks = look_at_master(server.target(), &names().masters[0]);
    looks.good().await;
    server.freeze().unwrap();
    let mut last = looks.until(|look| look.result.is_err()).await;
    for _ in 0..4 {
        let look = looks.next().await;
        assert_eq!(look.result.unwrap_err().reason, Reason::TimedOut);
        assert!(look.began >= last.ended, "looks follow one another");
        assert!(look.ended.since(look.began) >= FAST.probe_timeout);
        last = look_without_result(look.began, look.ended);
    }
    server.thaw().unwrap();
    looks.good().await;
}

fn look_without_result(
    began: keyward::model::Moment,
    ended: keyward::model::Moment,
) -> keyward::model::observation::Look<MasterFacts> {
    keyward::model::observation::Look { began, ended, connection: 0, result: Ok(MasterFacts::default()) }
}

#[tokio::test]
async fn a_frozen_replica_times_out_and_a_killed_one_is_refused() {
    let mut server = Server::start(&[]);
    let mut looks = look_at_replica(server.target(), &names());
    looks.good().await;
    server.freeze().unwrap();
    looks.until(|look| look.result.as_ref().is_err_and(|failure| failure.reason == Reason::TimedOut)).await;
    server.thaw().unwrap();
    looks.good().await;
    server.kill9();
    looks.until(|look| look.result.as_ref().is_err_and(|failure| failure.reason == Reason::Refused)).await;
}

async fn first_failure(target: Target) -> Failure {
    let mut looks = look_at_replica(target, &names());
    looks.next().await.result.unwrap_err()
}

#[tokio::test]
async fn a_living_server_that_refuses_us_is_no_evidence() {
    let server = Server::start(&["max_connections=10"]);
    let mut wrong = server.target();
    wrong.account.password = "wrong".to_owned().into();
    let failure = first_failure(wrong).await;
    assert_eq!(failure.reason, Reason::Login, "{failure}");
    assert!(!failure.reason.is_evidence() && !failure.detail.contains("wrong"));

    server.sql("REVOKE SLAVE MONITOR ON *.* FROM keyward@'%'");
    let mut looks = look_at_replica(server.target(), &names());
    for _ in 0..3 {
        let failure = looks.next().await.result.unwrap_err();
        assert_eq!(failure.reason, Reason::Privilege, "{failure}");
    }
    server.sql("GRANT SLAVE MONITOR ON *.* TO keyward@'%'");
    looks.good().await;
    drop(looks);

    let mut crowd = Vec::new();
    for _ in 0..10 {
        crowd.push(server.session("SELECT 0").await);
    }
    let failure = first_failure(server.target()).await;
    assert_eq!(failure.reason, Reason::TooManyConnections, "{failure}");
    drop(crowd);
}

#[tokio::test]
async fn the_master_needs_no_privilege_of_a_replica() {
    let server = Server::start(&[]);
    server.sql("REVOKE ALL PRIVILEGES, GRANT OPTION FROM keyward@'%'");
    server.sql(BEAT_TABLE);
    let seen = look_at_master(server.target(), &names().masters[0]).good().await;
    assert!(seen.beats.is_empty());
}

#[tokio::test]
async fn another_kind_of_server_is_refused_with_its_name() {
    let server = Server::start(&["version=8.0.44"]);
    let failure = first_failure(server.target()).await;
    assert_eq!(failure.reason, Reason::Unexpected);
    let said = format!("127.0.0.1:{}: the server is MySQL 8.0.44", server.port());
    assert!(failure.detail.starts_with(&said) && failure.detail.ends_with("needs 8.4.0 or later"), "{failure}");
}

#[tokio::test]
async fn a_long_path_is_looked_along_steadily() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port(), Duration::from_millis(250)).await;
    let target = crate::server::target(proxy.port);
    let rhythm = Rhythm { poll_interval: Duration::from_millis(300), probe_timeout: Duration::from_secs(1) };
    let mut looks =
        Looking::start(target.clone(), rhythm, MasterQuestion::new(target.place, names().masters[0].clone()));
    looks.until(|look| look.result.is_ok()).await;
    for _ in 0..10 {
        let look = looks.next().await;
        assert!(look.result.is_ok(), "{look:?}");
        assert_eq!(look.connection, 1);
        assert!(look.ended.since(look.began) >= Duration::from_millis(500), "the path was not that long");
    }
}

/// Asks for ever new numbers, every `slow`-th one answered too late.
struct Numbers {
    slow: u64,
    asked: u64,
}

/// The number that was asked for, the one that came, and the session that gave it.
type Number = (String, String, String);

impl Question for Numbers {
    type Facts = Number;

    fn connected(&mut self, _connection: u64, _greeting: Greeting) {}

    fn lost(&mut self) {}

    fn statements(&mut self) -> String {
        self.asked += 1;
        let pause = if self.asked.is_multiple_of(self.slow) { 0.6 } else { 0.0 };
        format!("SELECT SLEEP({pause}); SELECT {}, CONNECTION_ID()", self.asked)
    }

    fn read(&mut self, answer: mysql_async::Result<Vec<Table>>) -> Result<Option<Number>, Failure> {
        let tables = answer.map_err(|error| meaning(&error))?;
        let text = |place: usize| tables[1].rows[0][place].clone().unwrap();
        Ok(Some((self.asked.to_string(), text(0), text(1))))
    }
}

#[tokio::test]
async fn an_answer_never_belongs_to_an_earlier_question() {
    let server = Server::start(&[]);
    // the trap is there: a connection that is used again after a time-out gives the earlier answer
    let (mut conn, _) = open(&server.target(), PATIENCE).await.unwrap();
    within(Duration::from_millis(50), ask(&mut conn, "SELECT SLEEP(0.3), 'earlier'")).await.unwrap_err();
    let trapped = ask(&mut conn, "SELECT 0, 'later'").await.unwrap();
    assert_eq!(trapped[0].rows[0][1].as_deref(), Some("earlier"));

    let rhythm = Rhythm { poll_interval: Duration::from_millis(20), probe_timeout: Duration::from_millis(300) };
    let mut looks = Looking::start(server.target(), rhythm, Numbers { slow: 3, asked: 0 });
    let (mut answers, mut late) = (0, 0);
    while answers < 8 || late < 3 {
        match looks.next().await.result {
            Ok((asked, answered, _)) => {
                assert_eq!(asked, answered);
                answers += 1;
            }
            Err(failure) => {
                assert_eq!(failure.reason, Reason::TimedOut, "{failure}");
                late += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_late_answer_brings_its_connection_back() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port(), Duration::ZERO).await;
    let numbers = Numbers { slow: u64::MAX, asked: 0 };
    let mut looks = Looking::start(crate::server::target(proxy.port), FAST, numbers);
    let (.., session) = looks.good().await;
    let sessions = || server.sql("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'keyward'");
    proxy.hold(true);
    proxy.delay(Duration::from_millis(400));
    let late = looks.until(|look| look.result.is_err()).await;
    assert_eq!((late.result.unwrap_err().reason, late.connection), (Reason::TimedOut, 1));
    proxy.delay(Duration::ZERO);
    for _ in 0..5 {
        let back = looks.until(|look| look.result.is_ok()).await;
        let (asked, answered, by) = back.result.unwrap();
        assert_eq!((asked, by, back.connection), (answered, session.clone(), 1));
    }
    assert_eq!(sessions(), session, "another session was made");
    // the connection that was begun beside is made now, and closed as nobody needs it
    proxy.hold(false);
    let patience = Instant::now() + Duration::from_secs(20);
    let mut alone = 0;
    while alone < 10 {
        assert!(Instant::now() < patience, "{} are left on the server", sessions());
        looks.good().await;
        alone = if sessions() == session { alone + 1 } else { 0 };
    }
    assert_eq!(looks.next().await.connection, 1);
}

/// Hangs until somebody lets go of a named lock, as a server does whose disk is full.
struct Hanging;

impl Question for Hanging {
    type Facts = ();

    fn connected(&mut self, _connection: u64, _greeting: Greeting) {}

    fn lost(&mut self) {}

    fn statements(&mut self) -> String {
        "SET STATEMENT max_statement_time = 0 FOR SELECT GET_LOCK('disk', 600), RELEASE_LOCK('disk')".to_owned()
    }

    fn read(&mut self, answer: mysql_async::Result<Vec<Table>>) -> Result<Option<()>, Failure> {
        answer.map(|_| Some(())).map_err(|error| meaning(&error))
    }
}

#[tokio::test]
async fn a_server_on_which_looks_hang_is_left_with_few_sessions() {
    let server = Server::start(&[]);
    let holder = server.session("SELECT GET_LOCK('disk', 0)").await;
    let rhythm = Rhythm { poll_interval: Duration::from_millis(20), probe_timeout: Duration::from_millis(100) };
    let mut looking = Looking::start(server.target(), rhythm, Hanging);
    for _ in 0..30 {
        let look = looking.next().await;
        assert_eq!(look.result.unwrap_err().reason, Reason::TimedOut);
    }
    let sessions = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'keyward'";
    let sessions: u32 = server.sql(sessions).parse().unwrap();
    assert!((2..=4).contains(&sessions), "{sessions} sessions are left on the server");
    drop(holder);
    looking.good().await;
}
