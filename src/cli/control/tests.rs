use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::daemon::control::{Control, Request};
use crate::report::fixtures;

/// Runs `client` against the daemon's real socket, where `answer` answers.
fn with_daemon(answer: fn(Command) -> Reply, client: impl FnOnce(&Path) + Send + 'static) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let control = Control::bind(&socket).unwrap();
        let (sender, mut requests) = mpsc::channel::<Request>(4);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(control.serve(sender, async {
            let _ = stopped.await;
        }));
        tokio::spawn(async move {
            while let Some((command, _, reply)) = requests.recv().await {
                let _ = reply.send(answer(command));
            }
        });
        tokio::task::spawn_blocking(move || client(&socket)).await.unwrap();
        stop.send(()).unwrap();
        serving.await.unwrap();
    });
}

fn answer(command: Command) -> Reply {
    let data = match command {
        Command::Status => serde_json::to_value(fixtures::outage()).unwrap(),
        Command::HookTest { .. } => serde_json::json!([
            { "hook": "services", "outcome": "failed", "detail": "exit status 1", "seconds": 1.5, "output": "a\n\u{1b}[2Jb" }
        ]),
        Command::Pause { seconds: Some(7200), .. } => return Reply::done("RegionTwo is paused for 2h."),
        Command::Resume { .. } => return Reply::unknown("There is no region RegionNine."),
        _ => return Reply::refused("RegionTwo is not known here."),
    };
    Reply::document(Some(data))
}

#[test]
fn the_client_speaks_what_the_daemon_understands() {
    with_daemon(answer, |socket| {
        let (text, exit) = status_once(socket, None, Impatience::Said).unwrap();
        assert_eq!(exit, Exit::Degraded);
        assert!(text.contains("RegionTwo LOCAL, for 2m 31s"), "{text}");
        for (json, lines) in [(Json::Pretty, false), (Json::Line, true)] {
            let (text, exit) = status_once(socket, Some(json), Impatience::Said).unwrap();
            assert_eq!(exit, Exit::Degraded, "also with --json");
            assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), fixtures::outage());
            assert_eq!(text.matches('\n').count() == 1, lines, "{text}");
        }
        let region = crate::model::RegionName("RegionTwo".into());
        let pause = Command::Pause { region: Some(region.clone()), seconds: Some(7200), reason: "x".into() };
        assert_eq!(command(socket, &pause).unwrap(), Exit::Done);
        let nowhere = Command::Resume { region: Some(crate::model::RegionName("RegionNine".into())) };
        let wrong = command(socket, &nowhere).unwrap_err();
        assert_eq!((wrong.to_string().as_str(), Exit::of(&wrong)), ("There is no region RegionNine.", Exit::BadInput));
        let failover = Command::Failover { region, force: false, reason: "x".into() };
        let refused = command(socket, &failover).unwrap_err();
        assert_eq!((refused.to_string().as_str(), Exit::of(&refused)), ("RegionTwo is not known here.", Exit::Failed));
        let error = events(socket, false, None).unwrap_err().to_string();
        assert_eq!(error, "RegionTwo is not known here.");
    });
}

#[test]
fn a_hook_tests_output_is_shown_without_its_control_characters() {
    let Reply { data: Some(data), .. } = answer(Command::HookTest { region: crate::model::RegionName("r".into()) })
    else {
        panic!("a document is expected")
    };
    let text = hooks_tested(&serde_json::from_value::<Vec<_>>(data).unwrap());
    assert_eq!(text, "services: failed after 1.5s: exit status 1\n  | a\n  |  [2Jb\n");
}

#[test]
fn a_daemon_that_is_not_there_is_one_sentence_with_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let wanted =
        format!("keyward is not running: nobody answers at {}; see `systemctl status keyward`", socket.display());
    let missing = status(&socket, false, false).unwrap_err();
    assert_eq!((missing.to_string(), Exit::of(&missing)), (wanted.clone(), Exit::Failed));
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert_eq!(events(&socket, true, None).unwrap_err().to_string(), wanted, "a dead daemon's socket");
}

#[test]
fn a_daemon_that_ends_in_the_middle_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let dying = std::thread::spawn(move || {
        for answer in [&b""[..], b"{\"ok\":tr", b"what?\n"] {
            let (mut stream, _) = listener.accept().unwrap();
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            stream.write_all(answer).unwrap();
        }
    });
    for wanted in ["ended before it answered", "ended before it answered", "of another version"] {
        let error = events(&socket, false, None).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
    dying.join().unwrap();
}
