//! The keys of a Keystone on this host as fingerprints; no key leaves this file.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ring::hmac;

use super::conf;
use crate::doctor::facts::{Asked, Conf, Fingerprints, KeyPrints, Keys, Repository};
use crate::wire::blocking::off_thread;

/// The version of the document that `keyward fingerprint` prints.
pub const VERSION: u32 = 1;

/// What is signed with a key. It tells the repositories apart, so that one key in both has two fingerprints.
const MESSAGE: &[u8] = b"keyward fingerprint 1 ";

/// A key has 44 bytes; more than this is none.
const MOST_BYTES: u64 = 4096;
/// More files than this are no repository.
const MOST_KEYS: usize = 1000;

const FERNET: (&str, &str) = ("fernet_tokens", "/etc/keystone/fernet-keys/");
const CREDENTIAL: (&str, &str) = ("credential", "/etc/keystone/credential-keys/");

/// Reads both repositories of a Keystone.
pub async fn read(conf: &Asked<Conf>) -> Asked<Keys> {
    let conf = conf.as_ref().map_err(Clone::clone)?;
    let path = |(section, default)| PathBuf::from(conf.options.or(section, "key_repository", default));
    let fernet = match conf.options.or("token", "provider", "fernet") {
        "fernet" => Some(repository("fernet", path(FERNET)).await),
        _ => None,
    };
    Ok(Keys { fernet, credential: repository("credential", path(CREDENTIAL)).await })
}

/// The fingerprints of both, for the other side.
///
/// # Errors
/// Why a repository cannot be read.
pub fn fingerprints(keys: &Keys) -> Asked<Fingerprints> {
    let of = |repository: &Asked<Repository>| repository.as_ref().map(|one| one.keys.clone()).map_err(Clone::clone);
    let fernet = keys.fernet.as_ref().map_or_else(|| Ok(KeyPrints::new()), of)?;
    Ok(Fingerprints { version: VERSION, fernet, credential: of(&keys.credential)? })
}

/// The other side's document.
pub async fn other(path: Option<&Path>) -> Asked<Fingerprints> {
    let Some(path) = path else {
        return Err(
            "the other side's keys are known with --fingerprints FILE: what `keyward fingerprint` printed there".into(),
        );
    };
    let wrong = |why: String| format!("{} is not what `keyward fingerprint` prints: {why}", path.display());
    let read: Fingerprints =
        serde_json::from_str(&conf::text(path).await?).map_err(|error| wrong(error.to_string()))?;
    match read.version {
        VERSION => Ok(read),
        other => Err(wrong(format!("version {other}, and this keyward knows {VERSION}"))),
    }
}

async fn repository(kind: &'static str, path: PathBuf) -> Asked<Repository> {
    let shown = path.display().to_string();
    let read = off_thread(move || look(kind, &path)).await;
    read.map_err(|error| format!("the repository of {kind} keys {shown} cannot be read: {error}"))
}

fn look(kind: &str, path: &Path) -> io::Result<Repository> {
    let mut repository = Repository { path: path.display().to_string(), ..Repository::default() };
    let mut judge = |path: &Path, mode: u32| {
        if mode & 0o027 != 0 {
            repository.open.push(format!("{} (mode {:o})", path.display(), mode & 0o777));
        }
    };
    judge(path, fs::metadata(path)?.permissions().mode());
    let mut keys = KeyPrints::new();
    for entry in fs::read_dir(path)?.take(MOST_KEYS) {
        let entry = entry?;
        // what has no number is no key, such as the file of a rotation under way
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let about = fs::metadata(entry.path())?;
        judge(&entry.path(), about.permissions().mode());
        if about.len() > MOST_BYTES {
            return Err(io::Error::other(format!("the key {number} is too long")));
        }
        let text = fs::read(entry.path())?;
        let key = text.trim_ascii();
        if !key.is_empty() {
            keys.insert(number, fingerprint(kind, key));
        }
    }
    repository.keys = keys;
    Ok(repository)
}

fn fingerprint(kind: &str, key: &[u8]) -> String {
    let mut message = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    message.update(MESSAGE);
    message.update(kind.as_bytes());
    // half of it tells keys apart
    message.sign().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_says_nothing_of_its_key_and_tells_repositories_apart() {
        let of = |kind, key: &str| fingerprint(kind, key.as_bytes());
        assert_eq!(of("fernet", "a").len(), 32);
        assert_eq!(of("fernet", "a"), of("fernet", "a"));
        assert_ne!(of("fernet", "a"), of("fernet", "b"));
        assert_ne!(of("fernet", "a"), of("credential", "a"));
    }
}
