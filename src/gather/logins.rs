//! The logins in the services' files, each tried once at both Keystones. A token is dropped at once; only its size is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use super::conf;
use crate::config::Settings;
use crate::config::schema::KeystoneLogin;
use crate::doctor::facts::{Asked, ServiceLogin};
use crate::doctor::ini::Ini;
use crate::model::{Now, WebUrl};
use crate::observe::keystone::{Keystone, Tokens, look};

/// Limit of one login: what a doctor waits for may be slower than a witness.
const LIMIT: Duration = Duration::from_secs(10);
/// How many different logins are tried.
const MOST_LOGINS: usize = 100;

/// The logins of these files, one of a kind, each with how sentences call it.
///
/// # Errors
/// There are no files, or one cannot be read.
pub async fn read(paths: &[PathBuf]) -> Asked<Vec<(String, KeystoneLogin)>> {
    if paths.is_empty() {
        return Err(
            "the services' logins are tried with --service-conf FILE, on a host of the region's services".into()
        );
    }
    let mut found: BTreeMap<Vec<String>, (String, KeystoneLogin)> = BTreeMap::new();
    for path in paths {
        let mut options = Ini::default();
        options.add(&conf::text(path).await?);
        for section in options.sections() {
            let Some(login) = login(&options, section) else { continue };
            let name = match &login {
                KeystoneLogin::Password { user, .. } => user.clone(),
                KeystoneLogin::ApplicationCredential { .. } => "the application credential".to_owned(),
            };
            let name = format!("{name} of {} [{section}]", path.display());
            found.entry(same(&login)).or_insert((name, login));
        }
    }
    Ok(found.into_values().take(MOST_LOGINS).collect())
}

/// The names of the users, for what is asked about them in the database.
pub fn users(logins: &Asked<Vec<(String, KeystoneLogin)>>) -> BTreeSet<String> {
    let users = logins.iter().flatten().filter_map(|(_, login)| match login {
        KeystoneLogin::Password { user, .. } => Some(user.clone()),
        KeystoneLogin::ApplicationCredential { .. } => None,
    });
    users.collect()
}

/// Tries every login at the master's region and at the region's own Keystone.
pub async fn try_all(
    settings: &Settings,
    region: Option<&WebUrl>,
    logins: Asked<Vec<(String, KeystoneLogin)>>,
    clock: fn() -> Now,
) -> Asked<Vec<ServiceLogin>> {
    let mut tried = Vec::new();
    for (name, login) in logins? {
        let master = settings.master.identity_url.as_ref();
        tried.push(ServiceLogin {
            at_master: attempt(settings, master, "master.identity_url", &login, clock).await,
            at_region: attempt(settings, region, "regions.identity_url", &login, clock).await,
            name,
        });
    }
    Ok(tried)
}

/// The size of the token that was issued and found valid, or why there was none.
async fn attempt(
    settings: &Settings,
    url: Option<&WebUrl>,
    setting: &str,
    login: &KeystoneLogin,
    clock: fn() -> Now,
) -> Asked<Result<usize, String>> {
    let url = url.ok_or_else(|| format!("the settings have no {setting}"))?.clone();
    let (ca_file, login) = (settings.identity.ca_file.clone(), Some(login.clone()));
    let keystone = Keystone { url, ca_file, login, interval: LIMIT, timeout: LIMIT };
    let (kept, issued) = watch::channel(None);
    let looked = look(&keystone, &Tokens::Kept(kept), clock).await;
    let size = issued.borrow().as_ref().map(crate::observe::keystone::Token::size);
    Ok(match (looked.login, size) {
        (Some(Err(failure)), _) => Err(failure.to_string()),
        (_, Some(size)) => Ok(size),
        (_, None) => Err("it gave no token".to_owned()),
    })
}

/// What a section of a service's file logs in with; nothing when it holds no whole login.
fn login(options: &Ini, section: &str) -> Option<KeystoneLogin> {
    let given =
        |names: &[&str]| names.iter().find_map(|name| options.get(section, name)).filter(|text| !text.is_empty());
    let secret = |text: &str| SecretString::from(text.to_owned());
    if let (Some(id), Some(text)) = (given(&["application_credential_id"]), given(&["application_credential_secret"])) {
        return Some(KeystoneLogin::ApplicationCredential { id: id.to_owned(), secret: secret(text) });
    }
    // other sections have users and passwords too, of a database or a message queue
    given(&["auth_url", "auth_uri", "www_authenticate_uri", "identity_uri"])?;
    let domain = |names: &[&str]| given(names).unwrap_or("Default").to_owned();
    Some(KeystoneLogin::Password {
        user: given(&["username", "user_name", "admin_user"])?.to_owned(),
        user_domain: domain(&["user_domain_name"]),
        project: given(&["project_name", "tenant_name", "admin_tenant_name"])?.to_owned(),
        project_domain: domain(&["project_domain_name"]),
        password: secret(given(&["password", "admin_password"])?),
    })
}

/// What makes two logins one.
fn same(login: &KeystoneLogin) -> Vec<String> {
    match login {
        KeystoneLogin::Password { user, user_domain, project, project_domain, password } => {
            let password = password.expose_secret().to_owned();
            vec![user.clone(), user_domain.clone(), project.clone(), project_domain.clone(), password]
        }
        KeystoneLogin::ApplicationCredential { id, secret } => vec![id.clone(), secret.expose_secret().to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_logins_are_read_and_others_are_left_alone() {
        let mut nova = Ini::default();
        nova.add(
            "[database]\nusername = nova\npassword = db\n[keystone_authtoken]\nauth_url = http://k:5000\n\
             username = nova\npassword = s3cret\nproject_name = service\n[neutron]\nauth_url = http://k:5000\n\
             username = neutron\n[glance]\napplication_credential_id = a\napplication_credential_secret = b\n",
        );
        let of = |section| login(&nova, section);
        let Some(KeystoneLogin::Password { user, user_domain, project, .. }) = of("keystone_authtoken") else {
            panic!()
        };
        assert_eq!((user.as_str(), user_domain.as_str(), project.as_str()), ("nova", "Default", "service"));
        assert!(of("database").is_none() && of("neutron").is_none());
        assert!(matches!(of("glance"), Some(KeystoneLogin::ApplicationCredential { .. })));
        assert_eq!(nova.sections().collect::<Vec<_>>(), ["database", "glance", "keystone_authtoken", "neutron"]);
    }
}
