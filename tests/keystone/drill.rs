//! The whole outage as the users of real Keystones see it: the story of `keyward demo --keystone`, told once. It ends
//! well only if every step of it held, and says what it measured.

use std::path::Path;
use std::time::Duration;

use keyward::lab::identity::{Release, lacks};
use keyward::lab::program;
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
    let told = tokio::task::spawn_blocking(move || {
        program::finish(Path::new(env!("CARGO_BIN_EXE_keyward")), LIMIT, |command| {
            command.args(["demo", "--once", "--keystone", release.name()])
        })
    });
    let told = told.await.unwrap().unwrap();
    println!("{told}");
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
