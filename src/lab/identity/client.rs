//! A client of Keystone's API: logins, validations, and what the lab prepares with them.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::{ADMIN, ADMIN_PASSWORD};
use crate::lab::http::{self, Request};

/// A way to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    identity: Value,
    scope: Option<Value>,
}

impl Login {
    /// A user of the default domain with a password, for no project in particular.
    pub fn password(user: &str, password: &str) -> Self {
        let user = json!({"name": user, "domain": {"id": "default"}, "password": password});
        Self { identity: json!({"methods": ["password"], "password": {"user": user}}), scope: None }
    }

    /// The lab's administrator in the project of the same name.
    pub fn admin() -> Self {
        Self::password(ADMIN, ADMIN_PASSWORD).project(ADMIN)
    }

    /// An application credential, whose project and roles are its own.
    pub fn application(id: &str, secret: &str) -> Self {
        let credential = json!({"id": id, "secret": secret});
        let identity = json!({"methods": ["application_credential"], "application_credential": credential});
        Self { identity, scope: None }
    }

    /// A token that is there already, for example for another project.
    pub fn token(token: &str) -> Self {
        Self { identity: json!({"methods": ["token"], "token": {"id": token}}), scope: None }
    }

    /// For this project of the default domain.
    pub fn project(mut self, name: &str) -> Self {
        self.scope = Some(json!({"project": {"name": name, "domain": {"id": "default"}}}));
        self
    }

    fn body(&self) -> Value {
        let mut auth = json!({"identity": self.identity});
        if let Some(scope) = &self.scope {
            auth["scope"] = scope.clone();
        }
        json!({"auth": auth})
    }
}

/// An answer of Keystone.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// `X-Subject-Token`, in answers to logins.
    pub token: Option<String>,
    /// The body; null when there is none or it is no JSON.
    pub body: Value,
}

impl Reply {
    /// Itself, if it has this status.
    ///
    /// # Errors
    /// It has another; the sentence holds what Keystone said.
    pub fn expect_status(self, status: u16) -> anyhow::Result<Self> {
        if self.status != status {
            bail!("Keystone answered {} and not {status}: {}", self.status, self.body);
        }
        Ok(self)
    }
}

/// Keystone at an address, or a proxy in front of it.
#[derive(Clone, Debug)]
pub struct Api {
    address: String,
    limit: Duration,
}

impl Api {
    /// At `host:port`, with 30 s for each answer.
    pub fn at(address: &str) -> Self {
        Self { address: address.to_owned(), limit: Duration::from_secs(30) }
    }

    /// With another limit for each answer.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Logs in; 201 with a token if that is allowed.
    ///
    /// # Errors
    /// Nobody answers within the limit, or what answers is no HTTP.
    pub async fn login(&self, login: &Login) -> anyhow::Result<Reply> {
        self.send("POST", "", "/v3/auth/tokens", &[], Some(login.body())).await
    }

    /// Logs in and returns the token.
    ///
    /// # Errors
    /// As `login`, or the login was refused.
    pub async fn token(&self, login: &Login) -> anyhow::Result<String> {
        self.login(login).await?.expect_status(201)?.token.context("a login without X-Subject-Token")
    }

    /// Asks what the token `subject` is good for, with the authority of `token`; 200, or 404 when it is not valid.
    ///
    /// # Errors
    /// As `login`.
    pub async fn validate(&self, token: &str, subject: &str) -> anyhow::Result<Reply> {
        self.send("GET", token, "/v3/auth/tokens", &[("X-Subject-Token", subject)], None).await
    }

    /// Gets something below `/v3`; an empty token stands for none.
    ///
    /// # Errors
    /// As `login`.
    pub async fn get(&self, token: &str, path: &str) -> anyhow::Result<Reply> {
        self.send("GET", token, path, &[], None).await
    }

    /// Any other request; an empty token stands for none.
    ///
    /// # Errors
    /// As `login`.
    pub async fn ask(&self, method: &str, token: &str, path: &str, body: Option<Value>) -> anyhow::Result<Reply> {
        self.send(method, token, path, &[], body).await
    }

    /// Asks for a user of the default domain to be made; 201 where that is allowed.
    ///
    /// # Errors
    /// As `login`.
    pub async fn create_user(&self, token: &str, name: &str, password: &str) -> anyhow::Result<Reply> {
        let user = json!({"user": {"name": name, "password": password, "domain_id": "default"}});
        self.ask("POST", token, "/v3/users", Some(user)).await
    }

    /// Makes a user who is a member of the project `ADMIN`, and returns the user's id. The user has not logged in yet.
    ///
    /// # Errors
    /// As `login`, or Keystone refused.
    pub async fn add_member(&self, token: &str, name: &str, password: &str) -> anyhow::Result<String> {
        let user = self.create_user(token, name, password).await?.expect_status(201)?;
        let user = user.body["user"]["id"].as_str().context("a user without an id")?.to_owned();
        let project = self.id(token, &format!("/v3/projects?name={ADMIN}"), "projects").await?;
        let role = self.id(token, "/v3/roles?name=member", "roles").await?;
        let path = format!("/v3/projects/{project}/users/{user}/roles/{role}");
        self.ask("PUT", token, &path, None).await?.expect_status(204)?;
        Ok(user)
    }

    /// Makes an application credential of the user whom `token` belongs to; returns how to log in with it.
    ///
    /// # Errors
    /// As `login`, or Keystone refused.
    pub async fn add_application(&self, token: &str, name: &str) -> anyhow::Result<Login> {
        let whose = self.validate(token, token).await?.expect_status(200)?;
        let user = whose.body["token"]["user"]["id"].as_str().context("a token without a user")?.to_owned();
        let path = format!("/v3/users/{user}/application_credentials");
        let made = self.ask("POST", token, &path, Some(json!({"application_credential": {"name": name}}))).await?;
        let made = made.expect_status(201)?.body;
        let made = |field: &str| made["application_credential"][field].as_str().map(str::to_owned);
        match (made("id"), made("secret")) {
            (Some(id), Some(secret)) => Ok(Login::application(&id, &secret)),
            _ => bail!("an application credential without an id or a secret"),
        }
    }

    async fn id(&self, token: &str, path: &str, what: &str) -> anyhow::Result<String> {
        let found = self.get(token, path).await?.expect_status(200)?;
        found.body[what][0]["id"].as_str().map(str::to_owned).with_context(|| format!("nothing at {path}"))
    }

    async fn send(
        &self,
        method: &str,
        token: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> anyhow::Result<Reply> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut headers = headers.to_vec();
        if !token.is_empty() {
            headers.push(("X-Auth-Token", token));
        }
        let request = Request { method, path, headers: &headers, body: &body, limit: self.limit };
        let answer = http::send(&self.address, &request).await?;
        let token = answer.header("X-Subject-Token").map(str::to_owned);
        let body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        Ok(Reply { status: answer.status, token, body })
    }
}
