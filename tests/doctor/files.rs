//! What Keystone's own files say, beside a replica that is really there.

use std::collections::BTreeSet;

use keyward::daemon::clock;
use keyward::gather::Wish;

use crate::servers::GROUPS;
use crate::stage::{Found, Stage, found, missed};

/// Plays every bad file against a pair.
pub async fn play(stage: &Stage, tried: &mut BTreeSet<&str>) {
    let good = stage.good_conf();
    let to_master = good.replace(&stage.replica.address(), &stage.master.address());
    let cases: [(String, &[(&'static str, &str)]); 9] = [
        (good.replace("provider = fernet", "provider = uuid"), &[("conf-token-provider", "provider = uuid")]),
        (
            format!(
                "{good}driver = keystone.token.persistence.backends.memcache.Token\n[memcache]\nservers = m:11211\n"
            ),
            &[("conf-leftover", "[token] driver"), ("conf-leftover", "[memcache] servers")],
        ),
        (to_master, &[("conf-connection", "leads to the master 127.0.0.1:")]),
        (
            good.replace("[fernet_tokens]", "slave_connection = x\n[fernet_tokens]"),
            &[("conf-slave-connection", "slave_connection")],
        ),
        (
            format!(
                "{good}[cache]\nbackend = oslo_cache.memcache_pool\nmemcache_servers = identity.regionone.example.org:11211\n"
            ),
            &[
                ("conf-cache-far", "is on identity.regionone.example.org:11211"),
                ("memcached-down", "the memcached identity.regionone.example.org:11211 cannot be asked"),
            ],
        ),
        (
            format!(
                "{good}[security_compliance]\nlockout_failure_attempts = 6\ndisable_user_account_days_inactive = 90\n"
            ),
            &[("conf-security-compliance", "cannot be counted"), ("conf-security-compliance", "first login of a day")],
        ),
        (format!("{good}[identity]\ndriver = keyward\n"), &[("conf-drivers", "lacks [shadow_users] driver = keyward")]),
        // with both drivers nothing of this matters
        (
            format!(
                "{good}[identity]\ndriver = keyward\n[shadow_users]\ndriver = keyward\n\
                 [security_compliance]\nlockout_failure_attempts = 6\n"
            ),
            &[],
        ),
        (good, &[]),
    ];
    for (text, findings) in cases {
        let conf = stage.folder().join("bad.conf");
        std::fs::write(&conf, &text).unwrap();
        let report = stage.examine_by(&Wish { keystone_confs: vec![conf], ..stage.wish() }, clock::now).await;
        let seen = found(&report);
        let ids: BTreeSet<&str> = findings.iter().map(|(id, _)| *id).collect();
        assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), ids, "with {text}: {seen:#?}");
        for (id, piece) in findings {
            assert!(seen[id].iter().any(|sentence| sentence.contains(piece)), "with {text}: {seen:#?}");
            tried.insert(id);
        }
        assert!(!format!("{report:?}").contains("k@y") && !format!("{report:?}").contains("k%40y"), "a password");
    }
    drivers_make_logins_harmless(stage).await;
    keystones_own_login_tells_its_rights(stage).await;
}

async fn drivers_make_logins_harmless(stage: &Stage) {
    let conf = stage.folder().join("tolerant.conf");
    let drivers = "[identity]\ndriver = keyward\n[shadow_users]\ndriver = keyward\n";
    std::fs::write(&conf, format!("{}{drivers}", stage.good_conf())).unwrap();
    let change = |sql| stage.change(crate::stage::At::Replica, sql);
    change("UPDATE user SET last_active_at = UTC_DATE() WHERE id = 'u1'; UPDATE local_user SET failed_auth_count = 1")
        .await;
    let wish = Wish { keystone_confs: vec![conf], ..stage.wish() };
    let seen = found(&stage.examine_by(&wish, clock::now).await);
    assert_eq!(seen, Found::new(), "{seen:#?}");
    assert_eq!(found(&stage.examine().await).len(), 4, "without the drivers");
    change("UPDATE user SET last_active_at = NULL; UPDATE local_user SET failed_auth_count = 0").await;
}

async fn keystones_own_login_tells_its_rights(stage: &Stage) {
    let change = |sql| stage.change(crate::stage::At::Replica, sql);
    change("GRANT READ_ONLY ADMIN ON *.* TO keystone@'%'").await;
    let wish = Wish { replica_admin: None, ..stage.wish() };
    let report = stage.examine_by(&wish, clock::now).await;
    assert_eq!(found(&report).keys().copied().collect::<Vec<_>>(), ["keystone-account-writes"], "{report:#?}");
    assert_eq!(missed(&report, &GROUPS), [""; 0]);
    change("REVOKE READ_ONLY ADMIN ON *.* FROM keystone@'%'").await;
}
