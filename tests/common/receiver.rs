//! A web server that `http` hooks post to: it writes down what it was sent and answers as the test wants.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use keyward::lab::tls::Pair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Is(u16, &'static str),
    Redirect(String),
    /// This status, and then a body without an end.
    Endless(u16),
    Never,
}

/// A server on a port of its own; ends with the test's runtime.
pub struct Receiver {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Receiver {
    /// Gives these answers in turn, the last one for ever; with a certificate, over HTTPS.
    pub async fn start(answers: Vec<Answer>, certificate: Option<&Pair>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (tls, written) = (certificate.map(acceptor), Arc::clone(&seen));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, answers, written) = (tls.clone(), answers.clone(), Arc::clone(&written));
                tokio::spawn(async move {
                    match tls {
                        None => talk(stream, answers, written).await,
                        // a client that does not trust the certificate hangs up
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                talk(stream, answers, written).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn acceptor(pair: &Pair) -> TlsAcceptor {
    let certificates = CertificateDer::pem_file_iter(&pair.cert).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn talk<S>(stream: S, answers: Vec<Answer>, seen: Arc<Mutex<Vec<Seen>>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (answers, seen) = (answers.clone(), Arc::clone(&seen));
        async move {
            let earlier = note(request, &seen).await;
            Ok::<_, Infallible>(answer(&answers[earlier.min(answers.len() - 1)]).await)
        }
    });
    // a client that leaves in the middle is part of some stories
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Writes a request down and says how many came before it.
async fn note(request: Request<Incoming>, seen: &Mutex<Vec<Seen>>) -> usize {
    let (head, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
    let one = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    };
    let mut all = seen.lock().unwrap();
    all.push(one);
    all.len() - 1
}

async fn answer(wanted: &Answer) -> Response<BoxBody<Bytes, Infallible>> {
    match wanted {
        Answer::Is(status, body) => Response::builder().status(*status).body(Full::from(*body).boxed()).unwrap(),
        Answer::Redirect(to) => {
            Response::builder().status(307).header("location", to).body(Full::from("elsewhere").boxed()).unwrap()
        }
        Answer::Endless(status) => Response::builder().status(*status).body(Endless.boxed()).unwrap(),
        Answer::Never => std::future::pending().await,
    }
}

/// A body without an end.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 10_000])))))
    }
}
