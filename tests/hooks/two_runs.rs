//! Two runs: never at once, whatever becomes of the daemon.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use keyward::act::hook::{run, run_until};
use keyward::act::leftover::{Leftover, LeftoverEnd, settle};
use keyward::act::lock::Record;
use keyward::act::procs;
use keyward::model::Moment;
use keyward::model::hook::{HookEnd, HookEvent, HookRun};

use crate::stage::{Bystander, LONG, Stage, command, crash_while, lives, since_boot, wait_until};

/// Notes when it began and ended; whoever finds another one's mark has overlapped.
const LONE: &str = "[ -e $1/busy ] && echo overlap >> $1/story; touch $1/busy; echo begin $KEYWARD_ATTEMPT >> $1/story
                    echo $$ > $1/leader; sleep $2; rm $1/busy; echo end $KEYWARD_ATTEMPT >> $1/story";

fn lone(stage: &Stage, seconds: &str, attempt: u32, limit: Duration) -> HookRun {
    let mut told = stage.hook(LONE, limit);
    command(&mut told).push(seconds.to_owned());
    HookRun { attempt, ..told }
}

#[tokio::test]
async fn required_hooks_of_one_region_wait_for_each_other_and_optional_ones_do_not() {
    let stage = Stage::new();
    let first = run(lone(&stage, "0.5", 1, LONG), &stage.place);
    let mut other = lone(&stage, "0.5", 2, LONG);
    other.spec.name = "another".into();
    let second = run(other, &stage.place);
    let ((first, _), (second, _)) = tokio::join!(first, second);
    assert_eq!((first.end, second.end), (HookEnd::Ok, HookEnd::Ok));
    let story = stage.text("story");
    assert!(!story.contains("overlap") && story.lines().count() == 4, "{story}");

    // each waits for the other's mark: only together can they end
    let meet = |mine: &str, theirs: &str| {
        let mut told = stage.hook(&format!("touch $1/{mine}; until [ -e $1/{theirs} ]; do sleep 0.05; done"), LONG);
        (told.spec.name, told.spec.optional) = (mine.into(), mine != "required");
        run(told, &stage.place)
    };
    let (a, b) = (meet("required", "beside"), meet("beside", "required"));
    let ((a, _), (b, _)) = tokio::join!(a, b);
    assert_eq!((a.end, b.end), (HookEnd::Ok, HookEnd::Ok));
}

#[tokio::test]
async fn a_test_gives_way_to_the_run_that_is_needed() {
    let stage = Stage::new();
    // a child that does not care to be asked, too
    let script =
        format!("(trap '' TERM; sleep 60; :) & echo $! > $1/child; trap 'echo asked >> $1/story; exit' TERM\n{LONE}")
            .replace("sleep $2", "sleep $2 & wait $!");
    let mut test = lone(&stage, "60", 1, LONG);
    command(&mut test)[2] = script;
    test.event = HookEvent::Test;
    let (stop, stopped) = tokio::sync::oneshot::channel::<String>();
    let giving_way = async { stopped.await.unwrap() };
    let (place, queued) = (stage.place.clone(), HookRun { attempt: 9, ..test.clone() });
    let tested = tokio::spawn(async move { run_until(test, &place, giving_way).await });
    tokio::time::timeout(LONG, async {
        while stage.text("leader").is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the test runs");
    fs::remove_file(stage.folder.join("busy")).unwrap();
    stop.send("given up for a failover".into()).unwrap();
    // one that has not begun yet never does, although its turn would come first
    let (place, now) = (stage.place.clone(), async { "no longer wanted".to_owned() });
    let queued = tokio::spawn(async move { run_until(queued, &place, now).await });
    let needed = run(lone(&stage, "0", 2, LONG), &stage.place).await.0;
    assert_eq!(needed.end, HookEnd::Ok);
    assert_eq!(tested.await.unwrap().0.end, HookEnd::Failed("given up for a failover".into()));
    assert_eq!(queued.await.unwrap().0.end, HookEnd::Failed("no longer wanted".into()));
    assert!(!lives(stage.number("child")), "the test left a child");
    assert_eq!(stage.text("story"), "begin 1\nasked\nbegin 2\nend 2\n");
    assert!(stage.is_clean());
}

#[tokio::test]
async fn after_a_crash_a_test_is_ended_at_once() {
    let stage = Stage::new();
    let test = HookRun { event: HookEvent::Test, ..lone(&stage, "60", 1, LONG) };
    crash_while(&stage, &test);
    fs::remove_file(stage.folder.join("busy")).unwrap();
    let (outcome, output) = run(lone(&stage, "0", 2, LONG), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert_eq!(
        output.leftover.unwrap().to_string(),
        "the run of hook services (test, turn 1, attempt 1) that an earlier daemon left was ended: nobody waits for its \
         result any more"
    );
    assert_eq!(stage.text("story"), "begin 1\nbegin 2\nend 2\n");
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_is_still_watched_and_never_overlapped() {
    let stage = Stage::new();
    let dropped = run(lone(&stage, "1", 1, LONG), &stage.place);
    assert!(tokio::time::timeout(Duration::from_millis(300), dropped).await.is_err());
    assert_eq!(run(lone(&stage, "0", 2, LONG), &stage.place).await.0.end, HookEnd::Ok);
    assert_eq!(stage.text("story"), "begin 1\nend 1\nbegin 2\nend 2\n");

    let dropped = run(lone(&stage, "60", 3, Duration::from_secs(1)), &stage.place);
    assert!(tokio::time::timeout(Duration::from_millis(300), dropped).await.is_err());
    tokio::time::timeout(LONG / 2, async {
        while !stage.is_clean() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is ended at its time limit though nobody asks");
    assert!(!lives(stage.number("leader")));
}

#[tokio::test]
async fn after_a_crash_the_old_run_is_waited_for() {
    let stage = Stage::new();
    crash_while(&stage, &lone(&stage, "2", 1, LONG));
    let (outcome, output) = run(lone(&stage, "0", 2, LONG), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert_eq!(stage.text("story"), "begin 1\nend 1\nbegin 2\nend 2\n");
    let leftover = output.leftover.unwrap();
    assert_eq!((leftover.end, leftover.record.unwrap().attempt), (LeftoverEnd::Ended, 1));
    assert!(stage.is_clean());
}

/// For bash: lets go of every handle but the first three, as sudo does, and every well-behaved daemon.
const LET_GO: &str = "for fd in /proc/$BASHPID/fd/*; do n=${fd##*/}; [ $n -gt 2 ] && eval \"exec $n>&-\"; done";

/// Gives `told` to bash, which alone can close a handle with two digits.
fn in_bash(mut told: HookRun, script: String) -> HookRun {
    command(&mut told)[0] = "/bin/bash".into();
    command(&mut told)[2] = script;
    told
}

#[tokio::test]
async fn after_a_crash_the_old_run_is_ended_at_its_time_limit_with_all_its_children() {
    for (trap, answer) in [("'echo asked >> $1/story; exit'", "asked\n"), ("''", "")] {
        let stage = Stage::new();
        // a child that lets go of the lock and does not care to be asked
        let child = format!("(trap '' TERM; {LET_GO}; sleep 60; :) & echo $! > $1/child");
        let leader = LONE.replace("sleep $2", "sleep $2 & wait $!");
        let old = lone(&stage, "60", 1, Duration::from_secs(2));
        crash_while(&stage, &in_bash(old, format!("{child}; trap {trap} TERM\n{leader}")));
        let (leader, child) = (stage.number("leader"), stage.number("child"));
        fs::remove_file(stage.folder.join("busy")).unwrap();
        let (outcome, output) = run(lone(&stage, "0", 2, LONG), &stage.place).await;
        assert_eq!(outcome.end, HookEnd::Ok);
        assert_eq!(output.leftover.unwrap().end, LeftoverEnd::Limit);
        assert!(!lives(leader) && !lives(child), "{leader} or {child} lives");
        assert_eq!(stage.text("story"), format!("begin 1\n{answer}begin 2\nend 2\n"));
    }
}

#[tokio::test]
async fn a_crash_before_the_first_process_was_written_down_changes_nothing() {
    for forget_all in [false, true] {
        let stage = Stage::new();
        crash_while(&stage, &lone(&stage, "60", 1, Duration::from_secs(3)));
        let leader = stage.number("leader");
        let mut record: Record = serde_json::from_str(&fs::read_to_string(stage.record_file()).unwrap()).unwrap();
        assert_eq!(record.leader.take().unwrap().pid, leader);
        match forget_all {
            true => fs::write(stage.record_file(), "{").unwrap(),
            false => fs::write(stage.record_file(), serde_json::to_vec(&record).unwrap()).unwrap(),
        }
        let begun = since_boot();
        let settled = settle(&stage.place).await.unwrap();
        assert_eq!(settled.len(), 1);
        assert_eq!(settled[0].end, LeftoverEnd::Limit);
        assert!(!lives(leader));
        assert!(stage.is_clean());
        let at_limit = since_boot().since(Moment::default()).as_millis() >= u128::from(record.limit_at_ms);
        assert!(forget_all || at_limit, "ended before its time limit, {:?} after", since_boot().since(begun));
    }
}

#[tokio::test]
async fn after_a_crash_a_hook_that_closed_every_handle_is_still_found() {
    let stage = Stage::new();
    let old = in_bash(lone(&stage, "2", 1, LONG), format!("{LET_GO}\n{LONE}"));
    crash_while(&stage, &old);
    let leader = stage.number("leader");
    assert!(
        procs::holders(&stage.place.folder.join("RegionTwo.required.lock")).unwrap().iter().all(|p| p.pid != leader)
    );
    assert_eq!(run(lone(&stage, "0", 2, LONG), &stage.place).await.0.end, HookEnd::Ok);
    assert_eq!(stage.text("story"), "begin 1\nend 1\nbegin 2\nend 2\n");
}

#[tokio::test]
async fn after_a_crash_nobody_is_waited_for_who_only_went_his_own_way_or_has_taken_the_number() {
    let stage = Stage::new();
    let mut old = lone(&stage, "0", 1, LONG);
    command(&mut old)[2] = format!("setsid sh -c 'echo $$ > $0/own; exec sleep 60' $1 >/dev/null & {LONE}; sleep 1");
    crash_while(&stage, &old);
    wait_until("the child is on its own", LONG, || !stage.text("own").is_empty());
    let own = stage.number("own");
    let _bystander = Bystander(own);
    wait_until("the hook ends by itself", LONG, || !lives(stage.number("leader")));
    // a stranger now has the number of the hook's first process, and leads a group
    let mut stranger = Command::new("/usr/bin/setsid").args(["sleep", "60"]).stdout(Stdio::null()).spawn().unwrap();
    let _stranger = Bystander(stranger.id().cast_signed());
    let mut record: Record = serde_json::from_str(&stage.text("hooks/RegionTwo.required.json")).unwrap();
    record.leader.as_mut().unwrap().pid = stranger.id().cast_signed();
    fs::write(stage.record_file(), serde_json::to_vec(&record).unwrap()).unwrap();
    let settled = settle(&stage.place).await.unwrap();
    assert_eq!(settled[0].end, LeftoverEnd::Gone);
    assert!(stranger.try_wait().unwrap().is_none() && lives(own));
    assert!(stage.is_clean());
}

#[tokio::test]
async fn a_leftover_of_an_optional_hook_is_ended_at_its_limit_too() {
    let stage = Stage::new();
    let mut old = lone(&stage, "60", 1, Duration::from_secs(1));
    old.spec.optional = true;
    crash_while(&stage, &old);
    let settled = settle(&stage.place).await.unwrap();
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].end, LeftoverEnd::Limit);
    assert_eq!(
        settled[0].to_string(),
        "the run of hook services (failover, turn 1, attempt 1) that an earlier daemon left was ended at its time limit"
    );
    assert!(!lives(stage.number("leader")) && stage.is_clean());
    assert_eq!(settle(&stage.place).await.unwrap(), Vec::<Leftover>::new());
}

#[tokio::test]
async fn a_state_folder_that_cannot_be_written_holds_the_way_back_but_not_the_way_out() {
    let mut stage = Stage::new();
    // a file where the folder should be stops even root
    fs::write(stage.folder.join("file"), "").unwrap();
    stage.place.folder = stage.folder.join("file/hooks");
    let out = stage.hook("touch $1/ran", LONG);
    let (outcome, output) = run(out.clone(), &stage.place).await;
    assert_eq!(outcome.end, HookEnd::Ok);
    assert!(output.unrecorded.unwrap().contains("file/hooks"));
    fs::remove_file(stage.folder.join("ran")).unwrap();
    let (outcome, _) = run(HookRun { event: HookEvent::Failback, ..out }, &stage.place).await;
    let HookEnd::Failed(why) = outcome.end else { panic!("must wait") };
    assert!(why.contains("cannot be written down in"), "{why}");
    assert!(!stage.folder.join("ran").exists());
}
