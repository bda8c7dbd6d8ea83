//! Keyward's own connections with TLS.

use std::path::Path;
use std::time::Duration;

use keyward::lab::{Lab, Spec};
use keyward::model::Phase;

use super::daemon::{Daemon, has_verdict};
use super::pair::{DROP_IN, Pair, set_up};
use super::settings::Wishes;

const SPAN: Duration = Duration::from_millis(2_000);

async fn pair_with_tls() -> (Pair, std::path::PathBuf, std::path::PathBuf) {
    let lab = Lab::new().unwrap();
    let (right, wrong) = (lab.authority("right").unwrap(), lab.authority("wrong").unwrap());
    let (one, two) = (right.server("one").unwrap(), right.server("two").unwrap());
    let replica = Spec::new("r2", 2).tls(&two).lines(&DROP_IN);
    let pair = Pair::of(lab, Spec::new("r1", 1).tls(&one), replica).await;
    (pair, right.ca_file(), wrong.ca_file())
}

fn verify(ca: &Path) -> String {
    format!("mode = \"verify-identity\"\nca_file = \"{}\"", ca.display())
}

#[tokio::test]
async fn servers_are_reached_with_every_mode_that_fits() {
    let (mut pair, right, _) = pair_with_tls().await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes::default());
    set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;
    daemon.kill9();
    // from here on the servers take nothing without TLS from keyward
    for server in [&pair.master, &pair.replica] {
        server.sql("SET sql_log_bin = 0; ALTER USER keyward@'%' REQUIRE SSL").await.unwrap();
    }
    for tls in ["mode = \"required\"".to_owned(), verify(&right)] {
        daemon.configure(&pair, &Wishes { tls, ..Wishes::default() });
        daemon.start().await;
        daemon.until_healthy().await;
        daemon.kill9();
    }
    daemon.start().await;
    daemon.until_healthy().await;
    let sides = ["master", "replica", "ca"];
    for certificate in sides {
        let ends = |at: f64| at > jiff::Timestamp::now().as_second() as f64;
        let labels = [("certificate", certificate)];
        daemon.until_metric("keyward_certificate_expiry_timestamp_seconds", &labels, ends).await;
    }
    pair.master.kill9();
    daemon.until_phase(Phase::Local).await;
    // a killed server says no goodbye, about which rustls would quote its manual
    assert!(!daemon.log().contains("rustls") && !daemon.log().contains("docs.rs"), "{}", daemon.log());
    for certificate in sides {
        let labels = [("certificate", certificate)];
        let known = daemon.metric("keyward_certificate_expiry_timestamp_seconds", &labels).await;
        assert!(known.is_some(), "{certificate} is forgotten while the master is gone");
    }
    pair.master.start().await.unwrap();
    daemon.until_healthy().await;
    daemon.kill9();

    // without TLS a living server refuses us, which is no outage
    daemon.configure(&pair, &Wishes::default());
    daemon.start().await;
    daemon.until("refused", |region| has_verdict(region, "master_refuses_us")).await;
    daemon.stays(2 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
}

#[tokio::test]
async fn a_certificate_of_the_wrong_authority_is_no_outage() {
    let (pair, right, wrong) = pair_with_tls().await;
    let mut daemon = Daemon::new(&pair, "keyward", Wishes { tls: verify(&right), ..Wishes::default() });
    set_up(&pair, &daemon).await;
    daemon.start().await;
    daemon.until_healthy().await;
    daemon.kill9();
    daemon.configure(&pair, &Wishes { tls: verify(&wrong), ..Wishes::default() });
    daemon.start().await;
    let seen = daemon.until("refused", |region| has_verdict(region, "master_refuses_us")).await;
    let words = "TLS handshake failed (the server's certificate comes from no CA in tls.ca_file; name its CA there)";
    assert_eq!(seen.master_failure.as_deref(), Some(words));
    let failing = daemon.until_logged(&["looks at the master", "fail", words]).await;
    assert!(failing.contains("WARN"), "{failing}");
    // and whoever reads this log knows from its first line what keyward was told to do
    let first = daemon.log().lines().rfind(|line| line.contains(" starts: ")).unwrap().to_owned();
    let master = format!("RegionOne's master is at {}; ", pair.master.address());
    for words in [
        env!("CARGO_PKG_VERSION"),
        &master,
        "RegionTwo (remote) fails over after ",
        "http://127.0.0.1:",
        "control.sock",
    ] {
        assert!(first.contains(words), "{words}: {first}");
    }
    daemon.stays(2 * SPAN, "not failing over", |region| !region.phase.in_episode()).await;
    daemon.assert_never_acted().await;
    let failures = daemon.metric("keyward_probe_failures_total", &[("target", "master"), ("reason", "tls")]).await;
    assert!(failures.unwrap() >= 2.0);
}
