//! The files of the region's own Keystone, and the server that its `connection` leads to.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::config::Settings;
use crate::config::schema::{Account, Tls, TlsMode};
use crate::dialect::grants;
use crate::doctor::facts::{Asked, Conf, Database, Server};
use crate::doctor::ini::Ini;
use crate::model::Address;
use crate::model::preflight::Login;
use crate::model::url::percent_decoded;
use crate::observe::hand::{self, Access};
use crate::observe::preflight;
use crate::wire::blocking::off_thread;
use crate::wire::connect::{Place, Target};

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Reads Keystone's files, later ones over earlier ones, and logs in at its database as it does.
pub async fn read(settings: &Settings, paths: &[PathBuf]) -> Asked<Conf> {
    if paths.is_empty() {
        return Err(
            "Keystone's own files are read with --keystone-conf FILE, where keyward runs beside a Keystone".into()
        );
    }
    let mut options = Ini::default();
    for path in paths {
        options.add(&text(path).await?);
    }
    let path = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
    let database = match options.get("database", "connection") {
        None | Some("") => Err(format!("{path} has no [database] connection")),
        Some(url) => database(settings, &path, url).await,
    };
    Ok(Conf { path, options, database })
}

/// A file as text.
///
/// # Errors
/// Why it cannot be read.
pub async fn text(path: &Path) -> Asked<String> {
    let file = path.to_owned();
    let read = off_thread(move || {
        let length = std::fs::metadata(&file)?.len();
        if length > MOST_BYTES {
            return Err(std::io::Error::other("it is larger than a configuration file"));
        }
        std::fs::read(&file)
    });
    let bytes = read.await.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn database(settings: &Settings, path: &str, url: &str) -> Asked<Database> {
    let target = target(settings, url).ok_or_else(|| {
        format!("[database] connection of {path} is not mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE")
    })?;
    let (place, user) = (target.place.to_string(), target.account.user.clone());
    let access = Access { name: format!("Keystone's database {place}"), own: target, admin: None };
    let mut hand = hand::open(&access).await.map_err(|why| why.to_string())?;
    let told = preflight::server(&mut hand, &access.name).await.map_err(|trouble| trouble.to_string());
    let rights = match &hand.login {
        Login::Works { grants, .. } => grants.iter().filter_map(|line| grants::parse(line)).collect(),
        Login::Missing | Login::Refused { .. } => Vec::new(),
    };
    hand.end().await;
    let (side, settings) = told?;
    let server = Server { family: side.family, settings, ..Server::default() };
    Ok(Database { place, uid: server.uid().to_owned(), account: (user, rights) })
}

/// Where a URL of SQLAlchemy leads, and as whom.
fn target(settings: &Settings, url: &str) -> Option<Target> {
    let (scheme, rest) = url.trim().split_once("://")?;
    if !scheme.starts_with("mysql") && !scheme.starts_with("mariadb") {
        return None;
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, place) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let given = |name: &str| query.split('&').filter_map(|part| part.split_once('=')).find(|(key, _)| *key == name);
    let place = match given("unix_socket") {
        Some((_, socket)) => Place::Socket(PathBuf::from(percent_decoded(socket)?)),
        None if place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) => {
            Place::Tcp(place.parse().ok()?)
        }
        None => Place::Tcp(Address { host: place.trim_matches(['[', ']']).to_owned(), port: 3306 }),
    };
    let mode = if query.contains("ssl_") { TlsMode::Required } else { TlsMode::Disabled };
    Some(Target {
        place,
        account: Account { user: percent_decoded(user)?, password: SecretString::from(percent_decoded(password)?) },
        tls: Tls { mode, ca_file: None, cert_file: None, key_file: None },
        connect_timeout: settings.connect_timeout,
    })
}
