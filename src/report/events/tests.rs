use super::*;
use crate::model::{Cause, EventKind, Phase, RegionName};
use crate::report::fixtures;

const SOON: Duration = Duration::from_secs(10);

fn event(number: usize) -> Event {
    Event {
        at: fixtures::at("2026-11-22T04:14:36.123Z"),
        region: Some(RegionName("RegionTwo".into())),
        episode: Some("e1".into()),
        what: EventKind::Transition { from: Phase::Suspect, to: Phase::Switching, cause: Cause::Auto },
        sentence: format!("event {number}"),
    }
}

fn daemon(sentence: &str) -> Event {
    Event { region: None, episode: None, what: EventKind::Daemon, sentence: sentence.into(), ..event(0) }
}

#[test]
fn events_outlive_a_restart_and_a_damaged_line() {
    let folder = tempfile::tempdir().unwrap();
    let first = [event(1), daemon("Started.")];
    let events = Events::open(folder.path()).unwrap();
    first.iter().for_each(|event| events.push(event.clone()));
    events.flush(SOON);
    drop(events);
    // killed in the middle of a line, and a line of something else before it
    let path = folder.path().join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("no json\n{text}{{\"at\":\"2026-")).unwrap();

    let events = Events::open(folder.path()).unwrap();
    assert_eq!(events.list(), first);
    events.push(event(2));
    events.flush(SOON);
    drop(events);
    let list = Events::open(folder.path()).unwrap().list();
    assert_eq!(list, [first[0].clone(), first[1].clone(), event(2)], "the new line does not hang on the broken one");
}

#[test]
fn the_list_keeps_the_newest_and_the_file_is_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let events = Events::open(folder.path()).unwrap();
    let mut long = event(0);
    long.sentence = "x".repeat(4_000);
    // more than one file's worth
    for _ in 0..300 {
        events.push(long.clone());
        events.flush(SOON);
    }
    for number in 0..KEPT {
        events.push(event(number));
        events.flush(SOON);
    }
    assert_eq!(events.list().len(), KEPT);
    assert_eq!(events.list()[0], event(0), "the long ones have made room");
    assert!(folder.path().join("events.jsonl.1").exists());
    let size = folder.path().join("events.jsonl").metadata().unwrap().len();
    assert!(size < ROTATE_AT + 8_192, "{size} bytes");
    drop(events);
    let again = Events::open(folder.path()).unwrap().list();
    assert_eq!((again.len(), again.last().cloned()), (KEPT, Some(event(KEPT - 1))));
}

#[test]
fn a_folder_that_is_not_there_holds_nothing_up() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("later");
    let events = Events::open(&folder).unwrap();
    events.push(event(1));
    events.flush(SOON);
    assert_eq!(events.list(), [event(1)]);
    std::fs::create_dir(&folder).unwrap();
    events.push(event(2));
    events.flush(SOON);
    assert_eq!(Events::open(&folder).unwrap().list(), [event(2)], "written as soon as the folder is back");
    assert_eq!(events.document()["events"][1]["kind"], "transition");
}
