//! Runs one `http` hook: a POST of the document that an `exec` hook reads, signed, within a time limit.
//!
//! A POST under way dies with the daemon, so there is no process to wait for and nothing is written down; what its server
//! still does with it is not known here. The idempotency key tells that server that the next one is the same.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, Uri};
use ring::hmac;
use tokio::time::{Instant, timeout, timeout_at};

use super::attempt::{Output, Stop, failed};
use super::tail::KEPT_BYTES;
use super::told::document;
use crate::model::WebUrl;
use crate::model::hook::{HookEnd, HookRun};
use crate::model::secret::Secret;
use crate::model::url::percent_encoded;
use crate::wire::dial::Server;
use crate::wire::http::{Answer, send};

/// How long an answer's body is read after its head has decided; it is for the log only.
const BODY_LIMIT: Duration = Duration::from_secs(2);

/// Where to post, and how.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The URL.
    pub url: &'a WebUrl,
    /// Signs the body.
    pub secret: Option<&'a Secret>,
    /// CA certificates (PEM) that the server's must come from; without it those of this host.
    pub ca_file: Option<&'a Path>,
}

/// Posts once and waits for the answer; says how long that took. The limit covers everything from the name on.
pub async fn attempt(run: &HookRun, target: Target<'_>, stop: Stop, output: &mut Output) -> (HookEnd, Duration) {
    let begun = Instant::now();
    let until = begun + run.spec.timeout;
    let mut step = "";
    let ended = tokio::select! {
        biased;
        ended = timeout_at(until, post(run, target, until, &mut step, output)) => ended,
        why = stop => Ok(Err(why)),
    };
    let end = match ended {
        Ok(Ok(())) => HookEnd::Ok,
        Ok(Err(why)) => failed(why),
        Err(_) => {
            output.text.push_str(&format!("keyward waited {step}, and then the time limit was over"));
            HookEnd::TimedOut
        }
    };
    (end, begun.elapsed())
}

async fn post(
    run: &HookRun,
    target: Target<'_>,
    until: Instant,
    step: &mut &'static str,
    output: &mut Output,
) -> Result<(), String> {
    let Target { url, ca_file, .. } = target;
    let server = Server { url, ca_file, url_setting: "the hook's url", ca_setting: "the hook's ca_file" };
    let mut answer = send(request(run, target)?, server, until, step).await.map_err(|broken| broken.sentence)?;
    let verdict = verdict(url, &answer.head);
    output.text = body_of(&mut answer).await;
    verdict
}

fn request(run: &HookRun, target: Target<'_>) -> Result<Request<Full<Bytes>>, String> {
    let body = document(run).to_string();
    let unusable = |what: &str| format!("no request can be made from the hook's {what}; correct it");
    let path: Uri = target.url.path.expose().parse().map_err(|_| unusable("url"))?;
    let mut request = Request::post(path)
        .header(header::HOST, &target.url.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("keyward/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .header("idempotency-key", idempotency_key(run));
    if let Some(secret) = target.secret {
        let mut signature = HeaderValue::try_from(signature(secret, &body)).map_err(|_| unusable("secret"))?;
        signature.set_sensitive(true);
        request = request.header("x-keyward-signature", signature);
    }
    request.body(Full::new(Bytes::from(body))).map_err(|_| unusable("url"))
}

/// `EPISODE/TURN/HOOK`: the same for every attempt at the same thing. What no header can hold stands as `%XX`.
fn idempotency_key(run: &HookRun) -> String {
    let part = |text: &str| percent_encoded(text, |byte| byte.is_ascii_graphic() && byte != b'%');
    format!("{}/{}/{}", part(&run.episode), run.turn, part(&run.spec.name))
}

/// `sha256=` and the HMAC of the body, in lower-case hexadecimal digits.
fn signature(secret: &Secret, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let digits = hmac::sign(&key, body.as_bytes());
    digits.as_ref().iter().fold(String::from("sha256="), |text, byte| text + &format!("{byte:02x}"))
}

/// What the head of an answer means.
fn verdict(url: &WebUrl, answer: &Response<Incoming>) -> Result<(), String> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let told = format!("{url} answered {status}");
    match answer.headers().get(header::LOCATION) {
        Some(location) if status.is_redirection() => {
            let place = elsewhere(location).unwrap_or_else(|| "another path".to_owned());
            Err(format!("{told}, a redirect to {place}; keyward follows none, so write the final address as url"))
        }
        _ => Err(format!("{told}; what it said is in the log")),
    }
}

/// The host that a redirect leads to, without anything that could be a token.
fn elsewhere(location: &HeaderValue) -> Option<String> {
    let uri: Uri = location.to_str().ok()?.parse().ok()?;
    let authority = uri.authority()?;
    let port = authority.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}", authority.host()))
}

/// The first part of an answer as text. It decides nothing, so a body that never ends or breaks off does no harm.
async fn body_of(answer: &mut Answer) -> String {
    let mut kept = Vec::new();
    let whole = timeout(BODY_LIMIT, answer.read(KEPT_BYTES, &mut kept)).await.unwrap_or(false);
    let mut text = String::from_utf8_lossy(&kept).into_owned();
    if !whole {
        text.push_str("\nkeyward read no more of this answer");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_rfc_4231() {
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(&Secret::from("Jefe"), "what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_redirect_is_named_by_its_host_alone() {
        let place = |text: &'static str| elsewhere(&HeaderValue::from_static(text));
        assert_eq!(place("https://ops:s3cret@other.example:8443/s3cret?token=s3cret").unwrap(), "other.example:8443");
        assert_eq!(place("/login?s3cret"), None);
    }
}
