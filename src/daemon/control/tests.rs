use tokio::task::JoinHandle;

use super::*;

const SOON: Duration = Duration::from_secs(20);

/// A daemon that answers `status` with the user's name, refuses `events`, and never answers anything else.
fn lab(path: &Path) -> (JoinHandle<()>, oneshot::Sender<()>) {
    let control = Control::bind(path).unwrap();
    let (sender, mut requests) = mpsc::channel::<Request>(4);
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let mut unanswered = Vec::new();
        while let Some((command, user, reply)) = requests.recv().await {
            match command {
                Command::Status => drop(reply.send(Reply::done(user))),
                Command::Events => drop(reply.send(Reply::refused("not now"))),
                _ => unanswered.push(reply),
            }
        }
    });
    let serving = tokio::spawn(control.serve(sender, async {
        let _ = stopped.await;
    }));
    (serving, stop)
}

/// Sends text and reads one line, which must be a reply.
async fn say(stream: &mut BufReader<UnixStream>, text: &[u8]) -> Reply {
    stream.get_mut().write_all(text).await.unwrap();
    let mut line = String::new();
    timeout(SOON, stream.read_line(&mut line)).await.unwrap().unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

async fn connect(path: &Path) -> BufReader<UnixStream> {
    BufReader::new(UnixStream::connect(path).await.unwrap())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn commands_and_garbage_are_answered_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let (_serving, _stop) = lab(&path);
    assert_eq!(mode(&path), 0o600);
    let mut stream = connect(&path).await;
    let name = user_name(rustix::process::getuid().as_raw());
    assert_eq!(say(&mut stream, b"{\"command\":\"status\"}\n").await, Reply::done(name));
    for garbage in [&b"\n"[..], b"hello\n", b"{}\n", b"{\"command\":\"drop\"}\n", b"\xff\xfe\n", b"[[[[[[[[\n"] {
        let reply = say(&mut stream, garbage).await;
        assert!(!reply.ok && reply.message.starts_with("this keyward does not know the request"), "{reply:?}");
    }
    assert_eq!(say(&mut stream, b"{\"command\":\"events\"}\n").await, Reply::refused("not now"), "and it goes on");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the socket and its lock, nothing else: {left:?}");
}

#[tokio::test]
async fn a_request_without_end_is_refused_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let (_serving, _stop) = lab(&path);
    let mut greedy = connect(&path).await;
    let reply = say(&mut greedy, &vec![b'x'; REQUEST_BYTES + 1]).await;
    assert!(!reply.ok && reply.message.contains("65536 bytes"), "{reply:?}");
    let mut rest = String::new();
    assert!(!matches!(timeout(SOON, greedy.read_line(&mut rest)).await, Ok(Ok(1..)) | Err(_)), "it is hung up on");
    // clients that say nothing use every slot up but the last, and one that nobody answers takes that
    let mut silent = Vec::new();
    for _ in 0..CLIENTS {
        silent.push(connect(&path).await);
    }
    silent[0].get_mut().write_all(b"{\"command\":\"hook_test\",\"region\":\"RegionTwo\"}\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut turned_away = String::new();
    timeout(SOON, connect(&path).await.read_line(&mut turned_away)).await.unwrap().unwrap();
    assert!(turned_away.contains("too many clients"), "{turned_away:?}");
    silent.truncate(CLIENTS - 1);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(say(&mut connect(&path).await, b"{\"command\":\"status\"}\n").await.ok, "a slot is free again");
}

#[tokio::test]
async fn a_dead_daemons_socket_is_replaced_a_living_ones_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
    let (serving, stop) = lab(&path);
    assert!(say(&mut connect(&path).await, b"{\"command\":\"status\"}\n").await.ok);
    assert_eq!(mode(&path), 0o600);
    let error = Control::bind(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("another keyward is running (process {}, socket {})", std::process::id(), path.display())
    );
    assert!(say(&mut connect(&path).await, b"{\"command\":\"status\"}\n").await.ok, "the living one is undisturbed");
    stop.send(()).unwrap();
    serving.await.unwrap();
    assert!(!path.exists(), "it goes away with its daemon");
    Control::bind(&path).unwrap();
}

#[tokio::test]
async fn a_path_that_holds_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("precious");
    fs::write(&path, "data").unwrap();
    let error = Control::bind(&path).unwrap_err().to_string();
    assert!(error.starts_with("control.socket: ") && error.contains("is not a socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
    let error = Control::bind(Path::new("/nowhere/control.sock")).unwrap_err().to_string();
    assert!(error.starts_with("control.socket: cannot open /nowhere/control.sock.lock: "), "{error}");
}

#[test]
fn users_without_a_name_are_numbers() {
    assert_eq!(user_name(0), "root");
    assert_eq!(user_name(3_999_999_999), "uid 3999999999");
}
