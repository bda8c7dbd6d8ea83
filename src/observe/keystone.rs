//! The task that looks at one Keystone: does it answer, does it log somebody in, does it know tokens?
//!
//! A look never retries, and its parts run beside each other within one limit. `GET /v3` alone proves little: it answers
//! when the database behind it is dead. The last good token of RegionOne is kept in memory for the other regions'
//! Keystones, so that there is one to ask about when RegionOne is gone; it is never shown and never written down.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::schema::KeystoneLogin;
use crate::model::identity::IdentityLook;
use crate::model::secret::Secret;
use crate::model::time::friendly;
use crate::model::view::ExpiryView;
use crate::model::{Failure, Now, Reason, WebUrl};
use crate::wire::dial::Server;
use crate::wire::http::{Answer, send};

/// The largest answer that is read, in bytes; the list of services is not asked for.
const MOST_BYTES: usize = 256 * 1024;

/// A token is not asked about any more when it expires this soon.
const NEARLY_EXPIRED: Duration = Duration::from_secs(30);

/// Where a header carries a token.
const AUTH_TOKEN: &str = "x-auth-token";
const SUBJECT_TOKEN: &str = "x-subject-token";

/// One Keystone and how it is looked at.
#[derive(Clone, Debug)]
pub struct Keystone {
    /// Its address, ending in `/v3`.
    pub url: WebUrl,
    /// CA certificates (PEM) that its certificate must come from; without it those of this host.
    pub ca_file: Option<PathBuf>,
    /// Who logs in there.
    pub login: Option<KeystoneLogin>,
    /// One look this often.
    pub interval: Duration,
    /// Limit of one look.
    pub timeout: Duration,
}

/// A token that a Keystone has issued and found valid.
#[derive(Clone, Debug)]
pub struct Token {
    text: Secret,
    expires_at: Timestamp,
    password: Option<ExpiryView>,
}

/// What becomes of tokens that were found valid.
#[derive(Clone, Debug)]
pub enum Tokens {
    /// RegionOne's Keystone: the last good one is kept for the others.
    Kept(watch::Sender<Option<Token>>),
    /// Another one: it is asked about the one that was kept.
    Asked(watch::Receiver<Option<Token>>),
}

/// Looks at a Keystone until `stop` turns true or its sender or the sink's receiver is gone; a full sink holds the next
/// look back. `clock` gives the moments that the looks carry.
pub async fn look_after<M: Send>(
    keystone: Keystone,
    tokens: Tokens,
    clock: fn() -> Now,
    sink: mpsc::Sender<M>,
    wrap: impl Fn(IdentityLook) -> M,
    mut stop: watch::Receiver<bool>,
) {
    let watched = async {
        let mut due = Instant::now();
        loop {
            sleep_until(due).await;
            let look = look(&keystone, &tokens, clock).await;
            if sink.send(wrap(look)).await.is_err() {
                break;
            }
            due = (due + keystone.interval).max(Instant::now());
        }
    };
    tokio::select! {
        () = watched => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// One look.
pub async fn look(keystone: &Keystone, tokens: &Tokens, clock: fn() -> Now) -> IdentityLook {
    let now = clock();
    let until = Instant::now() + keystone.timeout;
    let asker = Asker { keystone, until };
    let foreign = match tokens {
        Tokens::Kept(_) => None,
        Tokens::Asked(kept) => kept.borrow().clone().filter(|token| token.lasts(now.wall)),
    };
    let (discovery, login, foreign) = tokio::join!(
        asker.discover(),
        async {
            match &keystone.login {
                Some(login) => Some(asker.log_in(login).await),
                None => None,
            }
        },
        async {
            match &foreign {
                Some(token) => Some(asker.validate(token).await),
                None => None,
            }
        },
    );
    if let (Tokens::Kept(kept), Some(Ok(token))) = (tokens, &login) {
        kept.send_replace(Some(token.clone()));
    }
    let password = login.as_ref().and_then(|login| login.as_ref().ok()?.password);
    let login = login.map(|login| login.map(|_| ()));
    IdentityLook { began: now.mono, ended: clock().mono, discovery, login, password, foreign }
}

impl Token {
    /// How many bytes it has: each request carries them.
    pub fn size(&self) -> usize {
        self.text.expose().len()
    }

    fn lasts(&self, now: Timestamp) -> bool {
        now.checked_add(NEARLY_EXPIRED).is_ok_and(|soon| soon < self.expires_at)
    }
}

/// One look under way.
struct Asker<'a> {
    keystone: &'a Keystone,
    until: Instant,
}

/// The head of an answer, and its body if that is JSON.
struct Said {
    status: StatusCode,
    token: Option<Secret>,
    body: Value,
}

impl Asker<'_> {
    async fn discover(&self) -> Result<(), Failure> {
        let said = self.ask("GET /v3", Method::GET, "", None, None).await?;
        let id = said.body.pointer("/version/id").and_then(Value::as_str);
        match (said.status, id) {
            (StatusCode::OK, Some(id)) if id.starts_with("v3") => Ok(()),
            (StatusCode::OK, _) => Err(unexpected("GET /v3 was not answered as a Keystone does")),
            (status, _) => Err(meaning(status, "GET /v3", Reason::Unexpected)),
        }
    }

    /// Logs in, and has the new token validated.
    async fn log_in(&self, login: &KeystoneLogin) -> Result<Token, Failure> {
        let body = json!({ "auth": auth(login) }).to_string();
        let said = self.ask("the login", Method::POST, "/auth/tokens?nocatalog", Some(body), None).await?;
        if said.status != StatusCode::CREATED {
            return Err(meaning(said.status, "the login", Reason::Login));
        }
        let expires_at = said.body.pointer("/token/expires_at").and_then(Value::as_str);
        let (Some(text), Some(expires_at)) = (said.token, expires_at.and_then(|text| text.parse().ok())) else {
            return Err(unexpected("the login was answered without a token"));
        };
        let token = Token { text, expires_at, password: password(login, &said.body) };
        self.validate(&token).await?;
        Ok(token)
    }

    async fn validate(&self, token: &Token) -> Result<(), Failure> {
        const STEP: &str = "the validation of a token";
        let said = self.ask(STEP, Method::GET, "/auth/tokens?nocatalog", None, Some(token)).await?;
        match said.status {
            StatusCode::OK if said.body.get("token").is_some() => Ok(()),
            StatusCode::OK => Err(unexpected("the validation of a token was not answered as a Keystone does")),
            status => Err(meaning(status, STEP, Reason::Token)),
        }
    }

    /// Asks once; `what` is said of it when nothing comes back.
    async fn ask(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<String>,
        token: Option<&Token>,
    ) -> Result<Said, Failure> {
        let mut step = "";
        let asked = timeout_at(self.until, self.exchange(method, path, body, token, &mut step)).await;
        asked.unwrap_or_else(|_| {
            let detail = format!("{what} was not answered within {}; waited {step}", friendly(self.keystone.timeout));
            Err(Failure { reason: Reason::TimedOut, detail })
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        token: Option<&Token>,
        step: &mut &'static str,
    ) -> Result<Said, Failure> {
        let Keystone { url, ca_file, .. } = self.keystone;
        let request = request(url, method, path, body, token)
            .ok_or_else(|| unexpected("no request can be made from identity_url; correct it"))?;
        let (url_setting, ca_setting) = ("identity_url", "ca_file of [identity]");
        let server = Server { url, ca_file: ca_file.as_deref(), url_setting, ca_setting };
        let answer = send(request, server, self.until, step).await;
        let answer = answer.map_err(|broken| Failure { reason: broken.reason, detail: broken.sentence })?;
        read(answer).await
    }
}

fn request(
    url: &WebUrl,
    method: Method,
    path: &str,
    body: Option<String>,
    token: Option<&Token>,
) -> Option<Request<Full<Bytes>>> {
    let uri: Uri = format!("{}{path}", url.path.expose()).parse().ok()?;
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::HOST, &url.authority)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("keyward/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close");
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(token) = token {
        let mut value = HeaderValue::try_from(token.text.expose()).ok()?;
        value.set_sensitive(true);
        // whoever holds a token may ask about it
        request = request.header(AUTH_TOKEN, value.clone()).header(SUBJECT_TOKEN, value);
    }
    request.body(Full::new(Bytes::from(body.unwrap_or_default()))).ok()
}

async fn read(mut answer: Answer) -> Result<Said, Failure> {
    let status = answer.head.status();
    let token = answer.head.headers().get(SUBJECT_TOKEN).and_then(|token| token.to_str().ok()).map(Secret::from);
    let mut kept = Vec::new();
    // what an error says decides nothing
    if status.is_success() && !answer.read(MOST_BYTES, &mut kept).await {
        return Err(unexpected("its answer is longer than a Keystone's"));
    }
    Ok(Said { status, token, body: serde_json::from_slice(&kept).unwrap_or(Value::Null) })
}

/// Who logs in, and for which project, in Keystone's words.
fn auth(login: &KeystoneLogin) -> Value {
    match login {
        KeystoneLogin::Password { user, user_domain, project, project_domain, password } => json!({
            "identity": {
                "methods": ["password"],
                "password": {
                    "user": { "name": user, "domain": { "name": user_domain }, "password": password.expose_secret() },
                },
            },
            "scope": { "project": { "name": project, "domain": { "name": project_domain } } },
        }),
        KeystoneLogin::ApplicationCredential { id, secret } => json!({
            "identity": {
                "methods": ["application_credential"],
                "application_credential": { "id": id, "secret": secret.expose_secret() },
            },
        }),
    }
}

/// When the password that somebody logged in with expires. Whoever logs in without one needs none.
fn password(login: &KeystoneLogin, body: &Value) -> Option<ExpiryView> {
    let KeystoneLogin::Password { .. } = login else { return None };
    let at = body.pointer("/token/user/password_expires_at")?;
    // Keystone's times are UTC, and some of them say so
    let read = |text: &str| format!("{}Z", text.trim_end_matches('Z')).parse().ok();
    Some(ExpiryView { limited: !at.is_null(), at: at.as_str().and_then(read) })
}

/// What a status other than the expected one means; a refusal is `refused`.
fn meaning(status: StatusCode, what: &str, refused: Reason) -> Failure {
    let reason = match status {
        status if status.is_server_error() => Reason::ServerError,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused,
        StatusCode::NOT_FOUND if refused == Reason::Token => refused,
        _ => Reason::Unexpected,
    };
    Failure { reason, detail: format!("{what} was answered with {status}") }
}

fn unexpected(detail: &str) -> Failure {
    Failure { reason: Reason::Unexpected, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_server_speaks_for_an_outage_and_a_refusal_does_not() {
        let reason = |status: u16, refused| meaning(StatusCode::from_u16(status).unwrap(), "x", refused).reason;
        for status in [500, 502, 503, 504] {
            assert_eq!(reason(status, Reason::Login), Reason::ServerError);
        }
        assert_eq!((reason(401, Reason::Login), reason(403, Reason::Login)), (Reason::Login, Reason::Login));
        assert_eq!((reason(401, Reason::Token), reason(404, Reason::Token)), (Reason::Token, Reason::Token));
        assert_eq!(
            (reason(404, Reason::Login), reason(300, Reason::Unexpected)),
            (Reason::Unexpected, Reason::Unexpected)
        );
        assert!(!Reason::Login.is_evidence() && !Reason::Token.is_evidence() && Reason::ServerError.is_evidence());
    }

    #[test]
    fn the_answer_to_a_login_tells_when_its_password_expires() {
        let by_password = KeystoneLogin::Password {
            user: "u".into(),
            user_domain: "Default".into(),
            project: "p".into(),
            project_domain: "Default".into(),
            password: "x".to_owned().into(),
        };
        let by_credential = KeystoneLogin::ApplicationCredential { id: "i".into(), secret: "x".to_owned().into() };
        let told = |at: Value| json!({ "token": { "user": { "name": "u", "password_expires_at": at } } });
        let at = Some("2026-12-01T08:30:00Z".parse().unwrap());
        for text in ["2026-12-01T08:30:00.000000", "2026-12-01T08:30:00Z"] {
            assert_eq!(password(&by_password, &told(text.into())), Some(ExpiryView { limited: true, at }));
            assert_eq!(password(&by_credential, &told(text.into())), None, "it needs no password");
        }
        assert_eq!(password(&by_password, &told(Value::Null)), Some(ExpiryView::default()), "never");
        assert_eq!(password(&by_password, &told("soon".into())), Some(ExpiryView { limited: true, at: None }));
        assert_eq!(password(&by_password, &json!({ "token": {} })), None, "nobody said it");
    }

    #[test]
    fn a_token_is_not_shown_and_not_used_when_it_is_about_to_expire() {
        let token =
            Token { text: "gAAAAAs3cret".into(), expires_at: "2026-11-22T05:00:00Z".parse().unwrap(), password: None };
        assert!(token.lasts("2026-11-22T04:59:00Z".parse().unwrap()));
        assert!(!token.lasts("2026-11-22T04:59:45Z".parse().unwrap()));
        assert!(!format!("{token:?}").contains("s3cret"));
        let url = crate::model::WebUrl {
            https: true,
            server: crate::model::Address { host: "k1".into(), port: 5000 },
            authority: "k1:5000".into(),
            path: "/identity/v3".into(),
        };
        let request = request(&url, Method::GET, "/auth/tokens?nocatalog", None, Some(&token)).unwrap();
        assert_eq!(request.uri(), "/identity/v3/auth/tokens?nocatalog");
        assert!(!format!("{request:?}").contains("s3cret"), "headers are marked as sensitive");
    }
}
