//! Keystones: what one look at one shows, and why nobody could log in there.

use serde::Serialize;

use super::failure::{Failure, Reason};
use super::time::Moment;
use super::view::ExpiryView;

/// What one look at a Keystone shows. Its parts are asked for beside each other, within one limit.
#[derive(Clone, Debug)]
pub struct IdentityLook {
    /// When it began.
    pub began: Moment,
    /// When the last answer or failure was in hand.
    pub ended: Moment,
    /// `GET /v3` answered as a Keystone does.
    pub discovery: Result<(), Failure>,
    /// The user of the settings was given a token, and that was found valid; absent without such a user.
    pub login: Option<Result<(), Failure>>,
    /// When the password of that user expires, if the answer to the login says so.
    pub password: Option<ExpiryView>,
    /// A token that RegionOne's Keystone has issued is valid here; absent while there is none that has not expired, and
    /// for RegionOne's Keystone itself.
    pub foreign: Option<Result<(), Failure>>,
}

impl IdentityLook {
    /// Whether it proves that this Keystone can authenticate: by the login, or without a user by its mere answer.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn proof(&self) -> Result<(), Failure> {
        self.login.clone().unwrap_or_else(|| self.discovery.clone())
    }

    /// Whether tokens are found valid: one of RegionOne's, or one of its own; absent when there was none to ask for.
    pub fn validates(&self) -> Option<bool> {
        let parts = [&self.foreign, &self.login];
        parts.into_iter().flatten().map(Result::is_ok).reduce(|one, other| one || other)
    }
}

/// Why nobody who has not logged in today could log in at a region's own Keystone: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// It does not answer, or what is behind it does not work.
    Down,
    /// It does not answer in time.
    TooSlow,
    /// It answers and validates, and a login breaks: it wants to write, and its database is read-only.
    ReadOnly,
    /// It does not take a token that RegionOne's Keystone has issued.
    KeysDiffer,
    /// It refuses the user of the settings, or does not answer as a Keystone does.
    Refused,
}

impl Obstacle {
    /// Every obstacle.
    pub const ALL: [Obstacle; 5] =
        [Obstacle::Down, Obstacle::TooSlow, Obstacle::ReadOnly, Obstacle::KeysDiffer, Obstacle::Refused];

    /// The name used in metrics and JSON.
    pub fn code(self) -> &'static str {
        match self {
            Obstacle::Down => "down",
            Obstacle::TooSlow => "too_slow",
            Obstacle::ReadOnly => "read_only",
            Obstacle::KeysDiffer => "keys_differ",
            Obstacle::Refused => "refused",
        }
    }

    /// What one look at the region's own Keystone says against a login there, with the failure that says so.
    pub fn of(look: &IdentityLook) -> Option<(Obstacle, Failure)> {
        let plain = |failure: &Failure| match failure.reason {
            Reason::TimedOut => Obstacle::TooSlow,
            reason if reason.is_evidence() => Obstacle::Down,
            _ => Obstacle::Refused,
        };
        if let Err(failure) = &look.discovery {
            return Some((plain(failure), failure.clone()));
        }
        if let Some(Err(failure)) = &look.foreign {
            let differ = matches!(failure.reason, Reason::Token | Reason::Login);
            return Some((if differ { Obstacle::KeysDiffer } else { plain(failure) }, failure.clone()));
        }
        let Some(Err(failure)) = &look.login else { return None };
        let obstacle = match failure.reason {
            // the rest works: what fails is what a login writes
            Reason::ServerError | Reason::Reset if look.foreign.is_some() => Obstacle::ReadOnly,
            Reason::Token => Obstacle::KeysDiffer,
            _ => plain(failure),
        };
        Some((obstacle, failure.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(reason: Reason) -> Result<(), Failure> {
        Err(Failure { reason, detail: String::new() })
    }

    fn look(
        discovery: Result<(), Failure>,
        login: Option<Result<(), Failure>>,
        foreign: Option<Result<(), Failure>>,
    ) -> IdentityLook {
        IdentityLook { began: Moment::default(), ended: Moment::default(), discovery, login, password: None, foreign }
    }

    #[test]
    fn the_shape_of_the_answers_tells_what_stands_in_the_way() {
        let obstacle = |discovery, login, foreign| Obstacle::of(&look(discovery, login, foreign)).map(|found| found.0);
        let error = || failed(Reason::ServerError);
        assert_eq!(obstacle(Ok(()), Some(Ok(())), Some(Ok(()))), None);
        assert_eq!(obstacle(Ok(()), None, None), None);
        // a login breaks on a replica, and everything breaks when the database is gone
        assert_eq!(obstacle(Ok(()), Some(error()), Some(Ok(()))), Some(Obstacle::ReadOnly));
        assert_eq!(obstacle(Ok(()), Some(failed(Reason::Reset)), Some(Ok(()))), Some(Obstacle::ReadOnly));
        assert_eq!(obstacle(Ok(()), Some(error()), Some(error())), Some(Obstacle::Down));
        assert_eq!(obstacle(Ok(()), Some(error()), None), Some(Obstacle::Down), "nothing tells the two apart");
        assert_eq!(obstacle(Ok(()), Some(Ok(())), Some(failed(Reason::Token))), Some(Obstacle::KeysDiffer));
        assert_eq!(obstacle(Ok(()), Some(failed(Reason::Login)), Some(Ok(()))), Some(Obstacle::Refused));
        assert_eq!(obstacle(Ok(()), Some(failed(Reason::TimedOut)), Some(Ok(()))), Some(Obstacle::TooSlow));
        assert_eq!(obstacle(failed(Reason::Refused), Some(error()), None), Some(Obstacle::Down));
        assert_eq!(obstacle(failed(Reason::Tls), None, None), Some(Obstacle::Refused));
    }

    #[test]
    fn a_login_proves_more_than_an_answer() {
        assert!(look(Ok(()), None, None).proof().is_ok());
        assert!(look(Ok(()), Some(failed(Reason::ServerError)), None).proof().is_err());
        assert_eq!(look(Ok(()), None, None).validates(), None);
        assert_eq!(look(Ok(()), Some(failed(Reason::Login)), Some(Ok(()))).validates(), Some(true));
        assert_eq!(look(Ok(()), Some(failed(Reason::Login)), None).validates(), Some(false));
    }
}
