//! Who may read over HTTP: basic authentication against bcrypt hashes.
//!
//! A hash takes a good part of a second on purpose, so a login that was accepted once is remembered as a salted digest
//! in memory, and hashes are computed one at a time, beside the loop. Who leaves while a hash is computed does not make
//! room for the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// The most time that a login may wait for its turn to be hashed.
const WAIT: Duration = Duration::from_secs(5);

/// What a login is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is right.
    Granted,
    /// It is missing or wrong.
    Denied,
    /// Too many logins wait to be hashed.
    Busy,
}

/// The users and their hashes.
pub struct Auth {
    users: BTreeMap<String, SecretString>,
    salt: [u8; 32],
    /// Per user, the digest of the last login that was accepted.
    accepted: Mutex<BTreeMap<String, Vec<u8>>>,
    hashing: Arc<Semaphore>,
}

impl Auth {
    /// Authentication for `users`; none when there are none.
    ///
    /// # Errors
    /// A hash that is not bcrypt's, with the user's name, or a system without random numbers.
    pub fn new(users: &BTreeMap<String, SecretString>) -> anyhow::Result<Option<Self>> {
        if users.is_empty() {
            return Ok(None);
        }
        for (user, hash) in users {
            if hash.expose_secret().parse::<bcrypt::HashParts>().is_err() {
                anyhow::bail!(
                    "http.basic_auth_users: the value of {user:?} is not a bcrypt hash; make one with `htpasswd -nB {user}`"
                );
            }
        }
        let mut salt = [0; 32];
        if ring::default_provider().secure_random.fill(&mut salt).is_err() {
            anyhow::bail!("the system gives no random numbers");
        }
        Ok(Some(Self { users: users.clone(), salt, accepted: Mutex::default(), hashing: Arc::new(Semaphore::new(1)) }))
    }

    /// What the value of an `Authorization` header is worth.
    pub async fn check(&self, header: Option<&[u8]>) -> Access {
        let Some((user, password)) = header.and_then(parse) else { return Access::Denied };
        let digest = self.digest(&user, &password);
        if self.is_accepted(&user, &digest) {
            return Access::Granted;
        }
        let turn = tokio::time::timeout(WAIT, Arc::clone(&self.hashing).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Access::Busy };
        // the same login may have been hashed while this one waited
        if self.is_accepted(&user, &digest) {
            return Access::Granted;
        }
        // an unknown user costs the same time as a known one
        let Some(hash) = self.users.get(&user).or_else(|| self.users.values().next()) else { return Access::Denied };
        let hash = hash.clone();
        // whether or not anybody still waits for it, the turn lasts as long as the hash does
        let compute = move || {
            let _turn = turn;
            bcrypt::verify(&password, hash.expose_secret())
        };
        let checked = tokio::task::spawn_blocking(compute).await;
        if !matches!(checked, Ok(Ok(true))) || !self.users.contains_key(&user) {
            return Access::Denied;
        }
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).insert(user, digest);
        Access::Granted
    }

    fn is_accepted(&self, user: &str, digest: &[u8]) -> bool {
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.get(user).is_some_and(|known| same(known, digest))
    }

    fn digest(&self, user: &str, password: &[u8]) -> Vec<u8> {
        let mut text = self.salt.to_vec();
        text.extend_from_slice(&(user.len() as u64).to_be_bytes());
        text.extend_from_slice(user.as_bytes());
        text.extend_from_slice(password);
        match ring::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13() {
            Some(suite) => suite.common.hash_provider.hash(&text).as_ref().to_vec(),
            None => text,
        }
    }
}

/// Compares without telling by its time where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |found, (a, b)| found | (a ^ b)) == 0
}

fn parse(header: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, value) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(value.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_leaves_during_a_hash_makes_no_room_for_another() {
        let hash = SecretString::from(bcrypt::hash("right", 10).unwrap());
        let auth = Auth::new(&BTreeMap::from([("prom".to_owned(), hash)])).unwrap().unwrap();
        let wrong = format!("Basic {}", STANDARD.encode("prom:wrong"));
        tokio::select! {
            biased;
            access = auth.check(Some(wrong.as_bytes())) => panic!("{access:?} before the hash was computed"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(auth.hashing.available_permits(), 0, "it is still being computed");
        let right = format!("Basic {}", STANDARD.encode("prom:right"));
        assert_eq!(auth.check(Some(right.as_bytes())).await, Access::Granted, "its turn comes");
        assert_eq!(auth.hashing.available_permits(), 1);
    }
}
