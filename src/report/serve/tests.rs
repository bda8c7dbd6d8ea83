use std::path::Path;
use std::process::Command;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;
use crate::report::fixtures;

mod limits;
mod openapi;
mod renewed;

const SOON: Duration = Duration::from_secs(20);

/// A server under test; it ends with this value.
struct Lab {
    address: SocketAddr,
    snapshot: watch::Sender<Arc<Snapshot>>,
    events: Arc<Events>,
    _stop: oneshot::Sender<()>,
    _folder: tempfile::TempDir,
}

/// What answers are made from, where new snapshots are put, and the folder that holds its files.
fn state(first: Snapshot) -> (State, watch::Sender<Arc<Snapshot>>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (sender, snapshot) = watch::channel(Arc::new(first));
    let state = State {
        snapshot,
        metrics: Arc::new(Metrics::new(&fixtures::settings()).unwrap()),
        events: Arc::new(Events::open(folder.path()).unwrap()),
        history: Arc::default(),
        watchdog: Arc::new(Watchdog::new(Duration::from_secs(1))),
    };
    (state, sender, folder)
}

async fn lab(http: &Http, first: Snapshot) -> Lab {
    let (state, sender, folder) = state(first);
    let events = Arc::clone(&state.events);
    let server = bind(http).await.unwrap();
    let address = server.address().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(server, state, async {
        let _ = stopped.await;
    }));
    Lab { address, snapshot: sender, events, _stop: stop, _folder: folder }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

async fn talk_over<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, request: &str) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    timeout(SOON, async {
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut bytes).await
    })
    .await
    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: keyward\r\nconnection: close\r\n{more}\r\n")
}

async fn ask(lab: &Lab, method: &str, path: &str) -> Answer {
    talk_over(TcpStream::connect(lab.address).await.unwrap(), &head(method, path, "")).await.unwrap()
}

#[tokio::test]
async fn every_endpoint_answers_get_and_head_and_refuses_the_rest() {
    let lab = lab(&fixtures::http(), fixtures::good_day()).await;
    for (path, status, kind) in [
        ("/", 200, "text/html"),
        ("/metrics", 200, "text/plain; version=0.0.4"),
        ("/-/healthy", 200, "text/plain"),
        ("/-/ready", 200, "text/plain"),
        ("/api/v1/status", 200, "application/json"),
        ("/api/v1/events", 200, "application/json"),
        ("/api/v1/openapi.json", 200, "application/json"),
        ("/api/v1/nothing", 404, "application/json"),
        ("/local-auth/RegionTwo", 503, "text/plain"),
        ("/local-auth/Region%54wo", 503, "text/plain"),
        ("/local-auth/RegionNine", 404, "text/plain"),
        ("/local-auth/%zz", 404, "text/plain"),
        ("/metrics/", 404, "text/plain"),
        ("/etc/passwd", 404, "text/plain"),
    ] {
        let got = ask(&lab, "GET", path).await;
        assert_eq!(got.status, status, "{path}: {got:?}");
        assert!(got.header("content-type").unwrap().starts_with(kind), "{path}: {got:?}");
        assert!(!got.body.is_empty(), "{path}");
        let without = ask(&lab, "HEAD", path).await;
        assert_eq!((without.status, without.body.as_str()), (status, ""), "HEAD {path}");
        assert!(without.header("content-length").unwrap().parse::<u64>().unwrap() > 0, "HEAD {path}: {without:?}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "NONSENSE"] {
            let refused = ask(&lab, method, path).await;
            let nothing = ["/metrics/", "/etc/passwd", "/local-auth/%zz", "/api/v1/nothing"].contains(&path);
            let wanted = if nothing { 404 } else { 405 };
            assert_eq!(refused.status, wanted, "{method} {path}: {refused:?}");
            assert_eq!(refused.header("allow"), (wanted == 405).then_some("GET, HEAD"), "{method} {path}");
            let kind = if path.starts_with("/api/") { "application/json" } else { "text/plain; charset=utf-8" };
            assert_eq!(refused.header("content-type"), Some(kind), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_loop_that_does_not_turn_can_be_asked_whether_it_does() {
    use std::io::{Read, Write};
    let (state, _sender, _folder) = state(fixtures::good_day());
    let server = bind(&fixtures::http()).await.unwrap();
    let address = server.address().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = serve_apart(server, state, async {
        let _ = stopped.await;
    });
    // this test's own runtime stands still from here
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(head("GET", "/-/healthy", "").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("healthy\n"), "{answer}");
    stop.send(()).unwrap();
    timeout(SOON, ended.unwrap()).await.unwrap();
    assert!(std::net::TcpStream::connect(address).is_err(), "it has given its port back");
}

#[tokio::test]
async fn answers_follow_the_snapshot() {
    let lab = lab(&fixtures::http(), fixtures::just_started()).await;
    assert_eq!(ask(&lab, "GET", "/-/ready").await.status, 503, "nothing was looked at yet");
    assert_eq!(ask(&lab, "GET", "/-/healthy").await.status, 200, "the first tick is not due yet");
    lab.snapshot.send(Arc::new(fixtures::outage())).unwrap();
    assert_eq!(ask(&lab, "GET", "/-/ready").await.status, 200);
    assert_eq!(ask(&lab, "GET", "/local-auth/RegionTwo").await.status, 200, "the region serves itself");
    assert!(ask(&lab, "GET", "/metrics?x=y").await.body.contains("keyward_master_up{region=\"RegionTwo\"} 0\n"));
    let status: Snapshot = serde_json::from_str(&ask(&lab, "GET", "/api/v1/status").await.body).unwrap();
    assert_eq!(status, fixtures::outage(), "the document reads back as it was");
    for phase in [Phase::Remote, Phase::Suspect, Phase::Switching, Phase::Returning] {
        let mut snapshot = fixtures::outage();
        snapshot.regions[0].phase = phase;
        lab.snapshot.send(Arc::new(snapshot)).unwrap();
        assert_eq!(ask(&lab, "GET", "/local-auth/RegionTwo").await.status, 503, "{phase}");
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A CA, and certificates of it for the server and a client.
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca"));
    for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
        let extensions = format!("-addext subjectAltName=DNS:localhost -addext extendedKeyUsage={usage}");
        let of_ca = "-addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key";
        openssl(
            folder,
            &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -subj /CN={name} {extensions} {of_ca}"),
        );
    }
}

/// Asks over TLS with curl's eyes: the CA is trusted, nothing else is.
async fn ask_tls(lab: &Lab, folder: &Path, with_cert: bool, login: &str) -> io::Result<Answer> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if with_cert {
        let cert = CertificateDer::from_pem_file(folder.join("client.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("client.key")).unwrap();
        builder.with_client_auth_cert(vec![cert], key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(lab.address).await?;
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await?;
    talk_over(stream, &head("GET", "/metrics", login)).await
}

#[tokio::test]
async fn tls_wants_the_clients_certificate_and_the_login_must_be_right() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let mut http = fixtures::http();
    http.tls_cert_file = Some(folder.path().join("server.pem"));
    http.tls_key_file = Some(folder.path().join("server.key"));
    http.client_ca_file = Some(folder.path().join("ca.pem"));
    let hash = bcrypt::hash("right:password", 4).unwrap().replace("$2b$", "$2y$");
    http.basic_auth_users.insert("prom".into(), SecretString::from(hash));
    let lab = lab(&http, fixtures::good_day()).await;

    let login = |user: &str, password: &str| {
        let value = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{user}:{password}"));
        format!("authorization: Basic {value}\r\n")
    };
    let right = login("prom", "right:password");
    for _ in 0..3 {
        assert_eq!(ask_tls(&lab, folder.path(), true, &right).await.unwrap().status, 200);
    }
    for wrong in [
        login("prom", "wrong"),
        login("nobody", "right:password"),
        login("prom", ""),
        String::new(),
        "authorization: Bearer x\r\n".into(),
        "authorization: Basic ???\r\n".into(),
        "authorization: Ba\r\n".into(),
    ] {
        let denied = ask_tls(&lab, folder.path(), true, &wrong).await.unwrap();
        assert_eq!(denied.status, 401, "{wrong:?}: {denied:?}");
        assert!(denied.header("www-authenticate").unwrap().starts_with("Basic "));
        assert!(!denied.body.contains("keyward_"));
    }
    assert!(ask_tls(&lab, folder.path(), false, &right).await.is_err(), "no certificate, no answer");
    let plain = talk_over(TcpStream::connect(lab.address).await.unwrap(), &head("GET", "/metrics", &right)).await;
    assert!(!plain.is_ok_and(|answer| answer.status == 200), "the port does not speak plain HTTP");
}

#[tokio::test]
async fn what_cannot_be_served_is_one_sentence_with_its_key() {
    let taken = bind(&fixtures::http()).await.unwrap();
    let mut http = fixtures::http();
    http.listen.port = taken.address().unwrap().port();
    let mut errors = vec![("(`ss -ltnp` names it), or choose another one", bind(&http).await.err().unwrap())];
    let mut http = fixtures::http();
    http.tls_cert_file = Some("/nowhere/cert.pem".into());
    errors.push(("belong together", bind(&http).await.err().unwrap()));
    http.tls_key_file = Some("/nowhere/key.pem".into());
    errors.push(("http.tls_cert_file: /nowhere/cert.pem cannot be read as PEM", bind(&http).await.err().unwrap()));
    let mut http = fixtures::http();
    http.basic_auth_users.insert("prom".into(), SecretString::from("plaintext-password"));
    errors.push(("\"prom\" is not a bcrypt hash", bind(&http).await.err().unwrap()));
    for (wanted, error) in errors {
        let error = error.to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(!error.contains("plaintext-password") && !error.contains('\n'), "{error}");
    }
}

#[tokio::test]
async fn the_page_comes_with_what_forbids_everything_else() {
    let lab = lab(&fixtures::http(), fixtures::outage()).await;
    let page = ask(&lab, "GET", "/").await;
    assert_eq!(page.header("content-security-policy"), Some(page::POLICY.as_str()));
    assert!(page::POLICY.starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.body.contains("RegionTwo local, paused - keyward"), "{}", page.body);
}
