//! `[identity]`, `[identity.local]` and the addresses of Keystones: how they are read, and whether they can work.

use std::time::Duration;

use secrecy::SecretString;

use super::check::between;
use super::notes::Notes;
use super::schema::{Failover, Identity, KeystoneLogin, LocalIdentity, Region, Settings, Trigger};
use super::secret::{self, Files};
use super::table::{Table, quoted};
use super::url;
use crate::model::WebUrl;
use crate::model::time::friendly;

/// Keys of a login with a password; the first one says that there is one.
const OF_A_PASSWORD: [&str; 6] = ["user", "user_domain", "project", "project_domain", "password", "password_file"];
/// Keys of a login with an application credential; the first one says that there is one.
const OF_A_CREDENTIAL: [&str; 3] =
    ["application_credential", "application_credential_secret", "application_credential_secret_file"];

/// Reads `[identity]` with `[identity.local]`.
pub fn read(mut table: Table<'_>, files: &Files) -> Identity {
    let login = login(&mut table, "probe.password", files);
    let ca_file = table.path_if_any("ca_file");
    let interval = table.duration("interval", "5s");
    let timeout = table.duration("timeout", "3s");
    let mut local = table.table("local");
    let local_login = self::login(&mut local, "local-probe.password", files);
    local.close();
    table.close();
    Identity { login, local: local_login, ca_file, interval, timeout }
}

/// A login, if the table holds one; no secret's file is read without it.
fn login(table: &mut Table<'_>, password_file: &str, files: &Files) -> Option<KeystoneLogin> {
    let [by_password, by_credential] = [OF_A_PASSWORD[0], OF_A_CREDENTIAL[0]].map(|key| table.has(key));
    if by_password && by_credential {
        table.problem(OF_A_CREDENTIAL[0], "give either user or application_credential, not both");
    }
    for (keys, wanted) in [(&OF_A_PASSWORD[..], by_password), (&OF_A_CREDENTIAL[..], by_credential)] {
        for key in keys.iter().filter(|key| !wanted && table.has(key)) {
            table.problem(key, format!("needs {}: without it nobody logs in", keys[0]));
        }
    }
    let alone = |wanted: bool| Files { read: files.read && wanted, ..files.clone() };
    let user = table.text_if_any("user").unwrap_or_default();
    let user_domain = table.text("user_domain", "Default");
    let project = table.text("project", "service");
    let project_domain = table.text("project_domain", "Default");
    let password = secret::password(table, password_file, &alone(by_password));
    let id = table.text_if_any(OF_A_CREDENTIAL[0]).unwrap_or_default();
    let secret = secret::of_a_credential(table, &alone(by_credential));
    if by_password {
        for (key, value) in OF_A_PASSWORD.iter().zip([&user, &user_domain, &project, &project_domain]) {
            if value.trim().is_empty() && table.sound(key) {
                table.problem(key, "must not be empty");
            }
        }
        return Some(KeystoneLogin::Password { user, user_domain, project, project_domain, password });
    }
    if by_credential && secret.is_none() && OF_A_CREDENTIAL.iter().all(|key| table.sound(key)) {
        table.problem(OF_A_CREDENTIAL[2], "is missing: an application credential has a secret");
    }
    let secret = secret.unwrap_or_else(|| SecretString::from(String::new()));
    by_credential.then_some(KeystoneLogin::ApplicationCredential { id, secret })
}

/// The address of a Keystone, if the table holds one.
pub fn url(table: &mut Table<'_>) -> Option<WebUrl> {
    let text = table.text_if_any("identity_url")?;
    let said = match url::parse(&text, "they belong into [identity]") {
        Ok(url) => match url.path.expose().trim_end_matches('/') {
            path if path.ends_with("/v3") => return Some(WebUrl { path: path.into(), ..url.clone() }),
            _ => "must be the address of a Keystone's third version, ending in /v3".to_owned(),
        },
        Err(sentence) => sentence,
    };
    table.problem("identity_url", said);
    Some(url::nowhere())
}

/// Notes what cannot work.
pub fn check(settings: &Settings, notes: &Notes) {
    let identity = &settings.identity;
    let minute = Duration::from_secs(60);
    between("identity.interval", identity.interval, Duration::from_millis(100), minute * 5, notes);
    between("identity.timeout", identity.timeout, Duration::from_millis(10), minute, notes);
    let local_urls = || settings.regions.iter().filter_map(|region| region.identity_url.as_ref());
    if identity.login.is_some() && settings.master.identity_url.is_none() && notes.sound("master.identity_url") {
        notes.problem("identity", "logs in at RegionOne's Keystone; write its address as identity_url into [master]");
    }
    if identity.local.is_some() && local_urls().next().is_none() {
        let sentence = "logs in at a region's own Keystone; write its address as identity_url into [[regions]]";
        notes.problem("identity.local", sentence);
    }
    if let (Some(KeystoneLogin::Password { user: one, .. }), Some(KeystoneLogin::Password { user, .. })) =
        (&identity.login, &identity.local)
        && one == user
    {
        let sentence = "is identity.user too, which logs in at RegionOne all day; name one that never does: only its \
                        login shows whether somebody who has not logged in today can";
        notes.problem("identity.local.user", format!("{} {sentence}", quoted(user)));
    }
    let encrypted = settings.master.identity_url.iter().chain(local_urls()).any(|url| url.https);
    if identity.ca_file.is_some() && !encrypted {
        let sentence = "needs an identity_url that begins with https://: nothing is verified without TLS";
        notes.problem("identity.ca_file", sentence);
    }
    for (index, region) in settings.regions.iter().enumerate() {
        let key = format!("regions[{index}].identity_url");
        if region.identity_url.is_some() && region.identity_url == settings.master.identity_url && notes.sound(&key) {
            notes.problem(&key, "is master.identity_url; a region's own Keystone is another one");
        }
        trigger(settings, &region.failover, &format!("regions[{index}].failover"), notes);
        required(settings, region, index, notes);
    }
}

fn trigger(settings: &Settings, failover: &Failover, at: &str, notes: &Notes) {
    let (key, after_key) = (format!("{at}.trigger"), format!("{at}.unreachable_after"));
    if failover.trigger == Trigger::Master || !notes.sound(&key) {
        return;
    }
    let word = quoted(failover.trigger.code());
    if settings.master.identity_url.is_none() {
        notes.problem(
            &key,
            format!("is {word}, which needs identity_url in [master]: nothing else looks at its Keystone"),
        );
        return;
    }
    let Identity { interval, timeout, .. } = settings.identity;
    let comparable = [&after_key, "identity.interval", "identity.timeout"].iter().all(|key| notes.sound(key));
    let least = timeout.saturating_mul(3) + interval;
    if comparable && failover.unreachable_after < least {
        let (value, least) = (friendly(failover.unreachable_after), friendly(least));
        let (timeout, interval) = (friendly(timeout), friendly(interval));
        let sum = format!("3 x identity.timeout ({timeout}) + identity.interval ({interval})");
        notes.problem(after_key, format!("is {value}, but must be at least {least} for trigger = {word}: {sum}"));
    }
}

/// What is asked of a region's own Keystone must be something that the probes can find out.
fn required(settings: &Settings, region: &Region, index: usize, notes: &Notes) {
    let key = format!("regions[{index}].failover.require_local_identity");
    if !notes.sound(&key) {
        return;
    }
    let identity = &settings.identity;
    let first_login = matches!(identity.local, Some(KeystoneLogin::Password { .. })) && region.identity_url.is_some();
    if region.failover.require_local_identity == LocalIdentity::FirstLogin && !first_login {
        notes.problem(
            key,
            "is \"first-login\", which needs the region's identity_url and a user in [identity.local]: only the first \
             login of a day with a password shows it",
        );
    }
}
