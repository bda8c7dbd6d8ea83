//! The services' logins at a real Keystone of RegionOne and at a real one on a read-only replica.

use std::fs;
use std::path::Path;

use keyward::config::Settings;
use keyward::config::schema::Account;
use keyward::daemon::clock;
use keyward::doctor::{self, Report};
use keyward::gather::{self, Wish};
use keyward::lab::identity::{self, Keystone, Login, Release, Seed, Spec, lacks};
use keyward::lab::{self, Lab};
use keyward::model::WebUrl;

use crate::common_settings;

fn url(keystone: &Keystone) -> Option<WebUrl> {
    let server = keystone.address().parse().unwrap();
    Some(WebUrl { https: false, server, authority: keystone.address(), path: "/v3".into() })
}

async fn examine(settings: &Settings, conf: &Path) -> Report {
    let wish = Wish { service_confs: vec![conf.to_owned()], ..Wish::default() };
    let chosen = [(&settings.regions[0].name, &settings.regions[0].replicas[0])];
    doctor::examine(&gather::facts(settings, &chosen, &wish, clock::now).await)
}

fn sentences(report: &Report, id: &str) -> Vec<String> {
    report.findings.iter().filter(|finding| finding.id == id).map(|finding| finding.sentence.clone()).collect()
}

fn missed(report: &Report) -> Vec<String> {
    let ours = |id: &&str| id.starts_with("service-login") || *id == "token-size";
    let why = report.unasked.iter().filter(|unasked| unasked.checks.iter().any(ours));
    why.map(|unasked| unasked.why.clone()).collect()
}

#[tokio::test]
async fn logins_of_services_are_tried_at_both_keystones() {
    if lacks(Release::Newest) {
        return;
    }
    let lab = Lab::new().unwrap();
    let server = lab.start(lab::Spec::new("r1", 1)).await.unwrap();
    let seed = Seed::of(&lab, Release::Newest).await.unwrap();
    let keys = lab.folder().join("keys");
    seed.copy_keys(&keys).unwrap();
    let keystone = Keystone::start(&lab, &seed, Spec::new("k1", &server.address(), &keys)).await.unwrap();
    seed.load(&server, &keystone.address()).await.unwrap();
    let api = keystone.api();
    let admin = api.token(&Login::admin()).await.unwrap();
    for name in ["nova", "glance"] {
        api.add_member(&admin, name, "of-a-service").await.unwrap();
    }

    let account = |user: &str| Account { user: user.into(), password: "x".into() };
    let accounts = [account("keyward"), account("keyward_repl")];
    let mut settings = common_settings::settings(&server.address(), "127.0.0.1:1", lab.folder(), accounts);
    let conf = lab.folder().join("nova.conf");
    let file = |user: &str, password: &str| {
        let text = format!(
            "[database]\nconnection = mysql://nova:x@h/nova\n[keystone_authtoken]\nauth_url = http://k:5000\n\
             username = {user}\npassword = {password}\nproject_name = {}\n",
            identity::ADMIN
        );
        fs::write(&conf, text).unwrap();
    };
    file("nova", "of-a-service");
    let nowhere = missed(&examine(&settings, &conf).await);
    assert_eq!(nowhere, ["the settings have no master.identity_url", "the settings have no regions.identity_url"]);

    settings.master.identity_url = url(&keystone);
    settings.regions[0].identity_url = url(&keystone);
    let good = examine(&settings, &conf).await;
    assert_eq!((good.findings.len(), missed(&good)), (0, vec![]), "{good:#?}");

    file("nova", "of-RegionTwo");
    let wrong = examine(&settings, &conf).await;
    let [at_master] = sentences(&wrong, "service-login-master").try_into().unwrap();
    assert!(at_master.starts_with("nova of ") && at_master.contains("cannot log in at RegionOne"), "{at_master}");
    assert!(at_master.contains("401") && !format!("{wrong:?}").contains("of-RegionTwo"), "{wrong:?}");

    // the region's own Keystone, on a database that takes no writes: the day of a first login cannot be written
    server.sql("SET GLOBAL read_only = 1").await.unwrap();
    file("glance", "of-a-service");
    let report = examine(&settings, &conf).await;
    assert_eq!(sentences(&report, "service-login-region").len(), 1, "{report:#?}");
    let told = &sentences(&report, "service-login-region")[0];
    assert!(told.contains("cannot log in at the region's own Keystone") && told.contains("500"), "{told}");
}
