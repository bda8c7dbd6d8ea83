//! The lab's Keystones as such: what the other tests here stand on.

use keyward::lab::identity::{Keystone, Login, Memcached, Release, Seed, Spec, lacks};
use keyward::lab::{self, Lab};

/// Starts one, uses it, kills it with memcached, starts it again and stops it.
async fn lives_through_kill_and_stop(release: Release) {
    if lacks(release) {
        return;
    }
    let lab = Lab::new().unwrap();
    let server = lab.start(lab::Spec::new("r1", 1)).await.unwrap();
    let seed = Seed::of(&lab, release).await.unwrap();
    let (keys, mut memcached) = (lab.folder().join("keys"), Memcached::start(&lab, "m1").await.unwrap());
    seed.copy_keys(&keys).unwrap();
    let spec = Spec::new("k1", &server.address(), &keys).cache(&memcached);
    let mut keystone = Keystone::start(&lab, &seed, spec).await.unwrap();
    // without its tables gunicorn answers 500, and uWSGI drops the connection
    let before = keystone.api().login(&Login::admin()).await;
    assert!(before.as_ref().map_or(true, |reply| reply.status == 500), "{before:?}");

    seed.load(&server, &keystone.address()).await.unwrap();
    let api = keystone.api();
    let admin = api.token(&Login::admin()).await.unwrap();
    let user = api.add_member(&admin, "ada", "of-ada").await.unwrap();
    let ada = Login::password("ada", "of-ada").project("admin");
    let logged_in = api.login(&ada).await.unwrap().expect_status(201).unwrap();
    assert_eq!(logged_in.body["token"]["user"]["id"], user.as_str());
    let catalog = logged_in.body["token"]["catalog"].to_string();
    assert!(catalog.contains(&format!("http://{}/v3", keystone.address())), "{catalog}");
    let token = logged_in.token.unwrap();
    assert_eq!(api.login(&Login::password("ada", "wrong")).await.unwrap().status, 401);
    assert_eq!(api.validate(&admin, &token).await.unwrap().status, 200);
    assert_eq!(api.validate(&admin, "nonsense").await.unwrap().status, 404);
    let application = api.add_application(&token, "of-a-service").await.unwrap();
    let service = api.token(&application).await.unwrap();
    assert_eq!(api.create_user(&service, "eve", "of-eve").await.unwrap().status, 403);

    keystone.process().kill9();
    memcached.process().kill9();
    assert!(api.get("", "/v3").await.is_err());
    memcached.restart().await.unwrap();
    keystone.start_again().await.unwrap();
    assert_eq!(api.validate(&admin, &token).await.unwrap().status, 200, "a token from before the kill");
    keystone.stop().await.unwrap();
    assert!(api.get("", "/v3").await.is_err());
}

#[tokio::test]
async fn the_keystone_of_debian_lives_through_kill_and_stop() {
    lives_through_kill_and_stop(Release::Debian).await;
}

#[tokio::test]
async fn the_newest_keystone_lives_through_kill_and_stop() {
    lives_through_kill_and_stop(Release::Newest).await;
}
