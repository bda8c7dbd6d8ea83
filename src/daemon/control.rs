//! The control socket: every command that changes something comes in here, as one JSON object a line.
//!
//! Who may connect is the file system's business: the socket has mode 0600 from its first instant. Nothing is decided
//! here; each command is handed to the daemon with the name of the user who sent it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use rustix::fs::{FlockOperation, flock};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::model::command::{Command, Reply};

/// A command, the name of the user who sent it, and where the answer goes.
pub type Request = (Command, String, oneshot::Sender<Reply>);

/// Clients at the same time.
const CLIENTS: usize = 16;
/// The most bytes of one request.
const REQUEST_BYTES: usize = 64 * 1024;
/// The most time that a client may keep silent, and that it may take to read an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most time for the daemon's answer.
const ANSWER: Duration = Duration::from_secs(30);
/// The most time for an answer that waits for hooks to end.
const HOOKS_ANSWER: Duration = Duration::from_secs(600);

/// The socket, held for this process alone.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// Its lock says that this daemon lives; the system drops it with the process.
    _lock: File,
}

impl Control {
    /// Takes the socket over from a daemon that is gone.
    ///
    /// # Errors
    /// One sentence: another daemon lives, or the socket cannot be made.
    pub fn bind(path: &Path) -> anyhow::Result<Self> {
        let cannot = |error: io::Error| anyhow!("control.socket: cannot make the socket {}: {error}", path.display());
        let lock = lock(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                bail!("control.socket: {} is there and is not a socket; name another path", path.display())
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(error)),
        }
        // made in a folder that nobody else can enter, and moved over the old one when it has its mode
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let hidden = tempfile::Builder::new().prefix(".keyward-").tempdir_in(folder).map_err(cannot)?;
        let made = hidden.path().join("s");
        let listener = UnixListener::bind(&made).map_err(cannot)?;
        fs::set_permissions(&made, Permissions::from_mode(0o600)).map_err(cannot)?;
        fs::rename(&made, path).map_err(cannot)?;
        Ok(Self { listener, path: path.to_owned(), _lock: lock })
    }

    /// Hands every command to `requests` until `shutdown` is done; then the socket goes away.
    pub async fn serve(self, requests: mpsc::Sender<Request>, shutdown: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(CLIENTS));
        let mut clients = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            while clients.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = &mut shutdown => return,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (requests, slot) = (requests.clone(), Arc::clone(&slots).try_acquire_owned());
                    // a client that is turned away gets its answer from the system's buffer; nobody waits for it
                    let Ok(slot) = slot else {
                        let _ = stream.try_write(&line(&Reply::refused("too many clients at once; try again")));
                        continue;
                    };
                    clients.spawn(async move {
                        let _slot = slot;
                        if let Err(error) = client(stream, requests).await {
                            tracing::debug!(%error, "a control client was cut off");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a control client cannot be accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // the lock is still held: nobody else's socket can stand here
        let _ = fs::remove_file(&self.path);
    }
}

/// Locks the file beside the socket, which is left behind: removing it would let two daemons hold two locks.
fn lock(path: &Path) -> anyhow::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&name)
        .map_err(|error| anyhow!("control.socket: cannot open {}: {error}", name.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            let _ = (&mut file).take(16).read_to_string(&mut pid);
            bail!("another keyward is running (process {}, socket {})", pid.trim(), path.display());
        }
        Err(error) => bail!("control.socket: cannot lock {}: {error}", name.display()),
    }
    file.set_len(0)
        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
        .map_err(|error| anyhow!("control.socket: cannot write {}: {error}", name.display()))?;
    Ok(file)
}

/// Answers one client's requests, one after the other, until it hangs up.
async fn client(stream: UnixStream, requests: mpsc::Sender<Request>) -> io::Result<()> {
    let user = user_name(stream.peer_cred()?.uid());
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(request) = timeout(PATIENCE, next_line(&mut read)).await.map_err(|_| ErrorKind::TimedOut)?? {
        let Ok(request) = request else {
            let reply = Reply::refused(format!("a request may have {REQUEST_BYTES} bytes, and this one has more"));
            return answer(&mut write, &reply).await;
        };
        let reply = match serde_json::from_slice::<Command>(&request) {
            Err(error) => Reply::refused(format!("this keyward does not know the request: {error}")),
            Ok(command) => hand_over(&requests, command, user.clone()).await,
        };
        answer(&mut write, &reply).await?;
    }
    Ok(())
}

/// A line that is longer than a request may be.
struct TooLong;

/// The next line without its end; none when the client has hung up.
async fn next_line(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Result<Vec<u8>, TooLong>>> {
    let mut line = Vec::new();
    read.take(REQUEST_BYTES as u64 + 1).read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(if line.len() > REQUEST_BYTES { Err(TooLong) } else { Ok(line) }))
}

async fn hand_over(requests: &mpsc::Sender<Request>, command: Command, user: String) -> Reply {
    let limit = if matches!(command, Command::HookTest { .. }) { HOOKS_ANSWER } else { ANSWER };
    let (reply, waiting) = oneshot::channel();
    let asked = async {
        requests.send((command, user, reply)).await.ok()?;
        waiting.await.ok()
    };
    match timeout(limit, asked).await {
        Ok(Some(reply)) => reply,
        Ok(None) => Reply::refused("the daemon is stopping"),
        Err(_) => Reply::refused(format!(
            "the daemon gave no answer within {}; it may still do it, see `keyward events`",
            crate::model::time::friendly(limit)
        )),
    }
}

async fn answer(write: &mut OwnedWriteHalf, reply: &Reply) -> io::Result<()> {
    match timeout(PATIENCE, write.write_all(&line(reply))).await {
        Ok(written) => written,
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}

fn line(reply: &Reply) -> Vec<u8> {
    let text = serde_json::to_string(reply)
        .unwrap_or_else(|_| r#"{"ok":false,"message":"the answer cannot be written"}"#.to_owned());
    format!("{text}\n").into_bytes()
}

/// The user's login name as `/etc/passwd` has it; a user of a directory service stays a number.
fn user_name(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests;
