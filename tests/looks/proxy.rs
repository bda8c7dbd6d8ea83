//! A path between keyward and a server that delays, swallows answers, or goes silent without closing anything.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    delay: Mutex<Duration>,
    connections: AtomicU64,
    /// Connections up to this number hear nothing, and nothing they say arrives.
    silent: AtomicU64,
    /// Connections up to this number hear nothing.
    deaf: AtomicU64,
    /// New connections are closed at once.
    shut: AtomicBool,
    /// New connections do not reach the server.
    held: AtomicBool,
}

impl Proxy {
    /// Passes everything on to the server at `port`, each way `delay` later.
    pub async fn start(port: u16, delay: Duration) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(State { delay: Mutex::new(delay), ..State::default() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.shut.load(Ordering::SeqCst) {
                    continue;
                }
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(pass(client, port, Arc::clone(&shared), number));
            }
        });
        Proxy { port: own, state }
    }

    /// Nothing passes any more on the connections there are, and the server is not told that they were closed.
    pub fn silence(&self) {
        self.state.silent.store(self.state.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Whether new connections are closed at once.
    pub fn shut(&self, shut: bool) {
        self.state.shut.store(shut, Ordering::SeqCst);
    }

    /// What arrives from now on is passed on this much later.
    pub fn delay(&self, delay: Duration) {
        *self.state.delay.lock().unwrap() = delay;
    }

    /// Whether new connections wait before they reach the server.
    pub fn hold(&self, hold: bool) {
        self.state.held.store(hold, Ordering::SeqCst);
    }

    /// No answer passes any more on the connections there are.
    pub fn swallow_answers(&self) {
        self.state.deaf.store(self.state.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, port: u16, state: Arc<State>, number: u64) {
    while state.held.load(Ordering::SeqCst) {
        sleep(Duration::from_millis(5)).await;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::spawn(pump(from_client, to_server, Arc::clone(&state), number, false));
    tokio::spawn(pump(from_server, to_client, state, number, true));
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: Arc<State>, number: u64, answers: bool) {
    let (queue, mut queued) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let writer = tokio::spawn(async move {
        while let Some((due, bytes)) = queued.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
        to
    });
    let swallowed =
        || number <= state.silent.load(Ordering::SeqCst) || (answers && number <= state.deaf.load(Ordering::SeqCst));
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if !swallowed() {
            let delay = *state.delay.lock().unwrap();
            let _ = queue.send((Instant::now() + delay, buffer[..length].to_vec()));
        }
    }
    drop(queue);
    let to = writer.await.unwrap();
    if number <= state.silent.load(Ordering::SeqCst) {
        // neither end ever learns
        std::mem::forget(to);
        std::mem::forget(from);
    }
}
