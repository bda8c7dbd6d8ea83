//! The HTTP server, answering from the last snapshot; nothing over HTTP changes anything or waits for a database. It has
//! a thread of its own.
//!
//! * `GET /` the status page for people
//! * `GET /metrics` Prometheus' text format
//! * `GET /-/healthy` 200 while ticks complete, else 503
//! * `GET /-/ready` 200 after the first full look, else 503
//! * `GET /api/v1/status` the last snapshot as JSON
//! * `GET /api/v1/events` the newest events as JSON, oldest first
//! * `GET /api/v1/openapi.json` what these two documents hold
//! * `GET /local-auth/REGION` 200 while the region is in phase `local`, else 503
//!
//! `HEAD` works wherever `GET` does, any other method is 405, any other path 404, one that is too long 414, a head that
//! is too large 431. Where basic authentication is configured, every path asks for it. Bodies of requests are never
//! read. Below `/api/` a refusal is JSON with the one member `error`, elsewhere it is a line of text.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::auth::{Access, Auth};
use super::events::Events;
use super::history::History;
use super::metrics::Metrics;
use super::page;
use super::systemd::Watchdog;
use super::tls::Door;
use crate::config::schema::Http;
use crate::model::Phase;
use crate::model::url::percent_decoded;
use crate::model::view::Snapshot;

mod slots;
use slots::{Slot, Slots};

/// Connections at the same time; for one more the one that was used longest ago is closed. Fewer where this process may
/// open few files: the others are for databases, hooks and the state.
const CONNECTIONS: usize = 128;
const SHARE_OF_FILES: u64 = 4;
/// How long nobody is let in after the system refused a connection, and how often the log says so.
const REST: Duration = Duration::from_millis(100);
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// Threads for what may take long: one computes a login's hash, one looks at the certificates' files.
const HELPERS: usize = 2;
/// The most time for a TLS handshake, for the head of a request, and for silence between two requests.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most time that a connection lives, so that clients which do not read their answers give way.
const LIFE: Duration = Duration::from_secs(60);
/// The most bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// The most bytes of a path with its query; less than a head, so that a head with a longer one is still read to its end.
const PATH_BYTES: usize = 4 * 1024;

/// What stands below `/api/v1/`.
const OPEN_API: &str = include_str!("../../docs/openapi.json");

/// Everything that answers are made from.
#[derive(Clone)]
pub struct State {
    /// The last snapshot.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// The newest events.
    pub events: Arc<Events>,
    /// Each replica's lag over the last quarter of an hour.
    pub history: Arc<History>,
    /// Whether ticks complete.
    pub watchdog: Arc<Watchdog>,
}

/// A server that has its port and does not answer yet.
pub struct Server {
    listener: std::net::TcpListener,
    tls: Option<Arc<Door>>,
    auth: Option<Arc<Auth>>,
}

impl Server {
    /// Where it listens.
    ///
    /// # Errors
    /// The system does not know.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Takes the port of `[http]` and reads its certificates.
///
/// # Errors
/// One sentence: which key is wrong, or why the port cannot be had.
pub async fn bind(http: &Http) -> anyhow::Result<Server> {
    let tls = Door::new(http)?;
    let auth = Auth::new(&http.basic_auth_users)?.map(Arc::new);
    let listener = TcpListener::bind((http.listen.host.as_str(), http.listen.port))
        .await
        .and_then(TcpListener::into_std)
        .map_err(|error| anyhow::anyhow!("http.listen: cannot listen on {}: {error}{}", http.listen, hint(&error)))?;
    Ok(Server { listener, tls, auth })
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; end the program that has this port (`ss -ltnp` names it), or choose another one",
        io::ErrorKind::AddrNotAvailable => "; this host has no such address",
        _ => "",
    }
}

/// Answers until `shutdown` is done, from a thread of its own: neither a crowd of clients nor what their handshakes and
/// logins cost delays a look, and a loop that does not turn can still be asked whether it does. What is returned ends
/// when the thread does.
///
/// # Errors
/// The system gives no thread.
pub fn serve_apart(
    server: Server,
    state: State,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<impl Future<Output = ()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(HELPERS).build()?;
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("http".to_owned()).spawn(move || {
        runtime.block_on(serve(server, state, shutdown));
        // a hash or a disk is not waited for
        runtime.shutdown_background();
        let _ = ended.send(());
    })?;
    Ok(async {
        let _ = end.await;
    })
}

/// Answers until `shutdown` is done; answers under way are then cut off.
pub async fn serve(server: Server, state: State, shutdown: impl Future<Output = ()>) {
    let listener = match TcpListener::from_std(server.listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("nothing is served over HTTP: {error}; restart keyward"),
    };
    let slots = Slots::new(room());
    let mut connections = JoinSet::new();
    let mut said: Option<Instant> = None;
    tokio::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                slots.ready().await;
                let (tls, auth, state, slot) = (server.tls.clone(), server.auth.clone(), state.clone(), slots.enter());
                connections.spawn(async move {
                    tokio::select! {
                        () = slot.told_to_leave() => tracing::debug!("an HTTP connection gives way to a newer one"),
                        () = connection(stream, tls, auth, state, &slot) => {}
                    }
                });
                // whoever was told to leave goes before the next one is let in
                yield_now().await;
            }
            Err(error) => {
                if said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
                    tracing::warn!("HTTP connections cannot be accepted, older ones are closed for them: {error}");
                    said = Some(Instant::now());
                }
                // out of file descriptors, mostly
                slots.free_one();
                sleep(REST).await;
            }
        }
    }
}

/// How many connections there is room for.
fn room() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files / SHARE_OF_FILES).unwrap_or(CONNECTIONS).clamp(1, CONNECTIONS)
}

async fn connection(stream: TcpStream, tls: Option<Arc<Door>>, auth: Option<Arc<Auth>>, state: State, slot: &Slot) {
    let _ = stream.set_nodelay(true);
    let Some(door) = tls else { return talk(stream, auth, state, slot).await };
    let handshake = async { door.acceptor().await.accept(stream).await };
    match timeout(PATIENCE, handshake).await {
        Ok(Ok(stream)) => talk(stream, auth, state, slot).await,
        Ok(Err(error)) => tracing::debug!(%error, "an HTTPS handshake failed"),
        Err(_) => tracing::debug!("an HTTPS handshake took too long"),
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: S, auth: Option<Arc<Auth>>, state: State, slot: &Slot) {
    let service = service_fn(|request: Request<Incoming>| {
        slot.touch();
        let (auth, state) = (auth.clone(), state.clone());
        async move { Ok::<_, Infallible>(respond(&request, auth.as_deref(), &state).await) }
    });
    let talk = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(talk);
    tokio::select! {
        _ = talk.as_mut() => return,
        () = sleep(LIFE) => talk.as_mut().graceful_shutdown(),
    }
    let _ = timeout(PATIENCE, talk).await;
}

async fn respond(request: &Request<Incoming>, auth: Option<&Auth>, state: &State) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if let Some(auth) = auth {
        let login = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        match auth.check(login).await {
            Access::Granted => {}
            Access::Busy => return refusal(path, StatusCode::SERVICE_UNAVAILABLE, "too many logins at once"),
            Access::Denied => {
                let mut denied = refusal(path, StatusCode::UNAUTHORIZED, "a user name and a password are needed");
                let challenge = HeaderValue::from_static("Basic realm=\"keyward\", charset=\"UTF-8\"");
                denied.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                return denied;
            }
        }
    }
    if request.uri().path_and_query().is_some_and(|whole| whole.as_str().len() > PATH_BYTES) {
        return refusal(path, StatusCode::URI_TOO_LONG, "the path is too long");
    }
    if head_bytes(request) > HEAD_BYTES {
        return refusal(path, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large");
    }
    let Some(found) = Endpoint::find(path) else {
        return refusal(path, StatusCode::NOT_FOUND, "there is nothing at this path");
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = refusal(path, StatusCode::METHOD_NOT_ALLOWED, "keyward can only be read over HTTP");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    found.answer(state)
}

/// What the head of a request weighs. hyper's own limit is that of its buffer, which grows beyond it while it reads.
fn head_bytes(request: &Request<Incoming>) -> usize {
    let path = request.uri().path_and_query().map_or(0, |whole| whole.as_str().len());
    // each line with its colon, its space and its end
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + path
}

/// An answer that is none, in the form that whoever asks below this path can read.
fn refusal(path: &str, status: StatusCode, sentence: &str) -> Response<Full<Bytes>> {
    if path.starts_with("/api/") {
        return full(status, "application/json", serde_json::json!({ "error": sentence }).to_string());
    }
    text(status, format!("{sentence}\n"))
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Endpoint {
    Page,
    Metrics,
    Healthy,
    Ready,
    Status,
    Events,
    OpenApi,
    LocalAuth(String),
}

impl Endpoint {
    fn find(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Endpoint::Page,
            "/metrics" => Endpoint::Metrics,
            "/-/healthy" => Endpoint::Healthy,
            "/-/ready" => Endpoint::Ready,
            "/api/v1/status" => Endpoint::Status,
            "/api/v1/events" => Endpoint::Events,
            "/api/v1/openapi.json" => Endpoint::OpenApi,
            other => Endpoint::LocalAuth(percent_decoded(other.strip_prefix("/local-auth/")?)?),
        })
    }

    fn answer(&self, state: &State) -> Response<Full<Bytes>> {
        let snapshot = Arc::clone(&state.snapshot.borrow());
        match self {
            Endpoint::Page => page(state, &snapshot),
            Endpoint::Metrics => {
                full(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", state.metrics.render(&snapshot))
            }
            Endpoint::Healthy if state.watchdog.is_fed() => text(StatusCode::OK, "healthy\n"),
            Endpoint::Healthy => text(StatusCode::SERVICE_UNAVAILABLE, "no round of looks was completed lately\n"),
            Endpoint::Ready if snapshot.looked => text(StatusCode::OK, "ready\n"),
            Endpoint::Ready => text(StatusCode::SERVICE_UNAVAILABLE, "not every server has been looked at yet\n"),
            Endpoint::Status => json(&*snapshot),
            Endpoint::Events => json(&state.events.document()),
            Endpoint::OpenApi => full(StatusCode::OK, "application/json", OPEN_API),
            Endpoint::LocalAuth(name) => match snapshot.regions.iter().find(|region| region.name == *name) {
                None => text(StatusCode::NOT_FOUND, "keyward does not look after a region of this name\n"),
                Some(region) if region.phase == Phase::Local => {
                    text(StatusCode::OK, "local: authentication points at the region itself\n")
                }
                Some(region) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{}: not local\n", region.phase)),
            },
        }
    }
}

/// The status page, with what forbids the browser to let anything else in.
fn page(state: &State, snapshot: &Snapshot) -> Response<Full<Bytes>> {
    let events = state.events.list();
    let awake = state.watchdog.is_fed();
    let shown = page::Shown { snapshot, history: &state.history, events: &events, awake };
    let mut answer = full(StatusCode::OK, "text/html; charset=utf-8", page::html(&shown));
    let headers = answer.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(policy) = HeaderValue::from_str(&page::POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

fn json(document: &impl serde::Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(document) {
        Ok(body) => full(StatusCode::OK, "application/json", body),
        Err(error) => {
            let sentence = format!("the document cannot be written: {error}");
            refusal("/api/", StatusCode::INTERNAL_SERVER_ERROR, &sentence)
        }
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    full(status, "text/plain; charset=utf-8", body)
}

fn full(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
