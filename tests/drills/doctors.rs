//! The daemon examines by itself and counts what it finds; before that it says nothing.

use keyward::lab::Lab;
use keyward::lab::identity::Memcached;

use super::pair::Pair;
use super::settings::Wishes;

const FINDINGS: &str = "keyward_doctor_findings";

#[tokio::test]
async fn what_the_daemon_finds_is_counted_by_severity() {
    let lab = Lab::new().unwrap();
    let memcached = Memcached::start(&lab, "m1").await.unwrap();
    let doctor = format!("every = \"1h\"\nmemcached = [{:?}]", memcached.address());
    let (pair, mut daemon) = Pair::healthy(Wishes { doctor: doctor.clone(), ..Wishes::default() }).await;
    daemon.kill9();
    pair.replica
        .sql(
            "SET sql_log_bin = 0; UPDATE keystone.local_user SET failed_auth_count = 3 WHERE id = 7;
             ALTER USER keyward@'%' PASSWORD EXPIRE INTERVAL 30 DAY",
        )
        .await
        .unwrap();
    daemon.start().await;
    assert_eq!(daemon.metric(FINDINGS, &[("severity", "warning")]).await, None, "nothing is known yet");
    daemon.until_metric(FINDINGS, &[("severity", "warning")], |found| found >= 1.0).await;
    let by_hand = daemon.keyward(&["doctor", "--json"]).await;
    let told: serde_json::Value = serde_json::from_slice(&by_hand.stdout).unwrap();
    assert_eq!((by_hand.status.code(), &told["version"]), (Some(3), &1.into()), "{told}");
    let findings = told["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["id"] == "failed-logins"), "{told}");
    let address = memcached.address();
    let server = [("server", address.as_str())];
    assert_eq!(daemon.metric("keyward_memcached_up", &server).await, Some(1.0));
    assert_eq!(daemon.metric("keyward_memcached_limit_bytes", &server).await, Some(64.0 * 1024.0 * 1024.0));
    assert!(daemon.metric("keyward_doctor_checked_timestamp_seconds", &[]).await.is_some());
    let expiry = "keyward_password_expiry_timestamp_seconds";
    assert_eq!(daemon.metric(expiry, &[("password", "master")]).await, Some(f64::INFINITY), "it never expires");
    let of_replica = [("password", "replica"), ("region", "RegionTwo"), ("replica", "r2-db1")];
    assert!(daemon.metric(expiry, &of_replica).await.is_some_and(f64::is_nan), "this server does not tell when");
    let found = daemon.snapshot().await.doctor.unwrap();
    assert!(found.findings.iter().any(|finding| finding.check == "failed-logins"), "{found:?}");
    let status = daemon.keyward(&["status"]).await;
    let (said, _) = super::daemon::texts(&status);
    assert!(said.contains("an outage: ") && said.contains("failed-logins"), "{said}");
}
