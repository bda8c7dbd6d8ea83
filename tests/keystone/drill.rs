//! The whole outage as the users of real Keystones see it: the story of `keyward demo --keystone`, told once. It ends
//! well only if every step of it held, and says what it measured.

use std::time::Duration;

use keyward::lab::identity::{Release, lacks};
use keyward::lab::skip::skip;
use tokio::sync::Mutex;

/// A story takes a minute, and five on a machine under load.
const LIMIT: Duration = Duration::from_secs(600);
/// Two at once would take each other's processors.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn the_story_holds(release: Release) {
    if lacks(release) {
        return;
    }
    if let Err(why) = release.fetched().unwrap().drivers() {
        return skip(&why.to_string());
    }
    let _alone = ONE_AT_A_TIME.lock().await;
    // what it started ends with it
    let mut story = tokio::process::Command::new(env!("CARGO_BIN_EXE_keyward"));
    story.args(["demo", "--once", "--keystone", release.name()]).kill_on_drop(true);
    let story = tokio::time::timeout(LIMIT, story.output()).await.expect("the story does not end").unwrap();
    let told = String::from_utf8(story.stdout).unwrap();
    println!("{told}");
    assert!(story.status.success(), "{}", String::from_utf8_lossy(&story.stderr));
    // each switch is followed by answers that were all good, and by equal rows
    for (what, times) in [("wrong answers from the switch until RegionTwo was home again: 0 of", 2), (": equal; ", 2)] {
        // lines are broken between words
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(told.matches(what).count(), times, "{what}: {told}");
    }
}

#[tokio::test]
async fn users_of_debians_keystone_log_in_during_the_outage() {
    the_story_holds(Release::Debian).await;
}

#[tokio::test]
async fn users_of_the_newest_keystone_log_in_during_the_outage() {
    the_story_holds(Release::Newest).await;
}
