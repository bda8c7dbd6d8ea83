//! Whether and when the password of an account expires, as its server says it; both families say it alike.

use jiff::Timestamp;

use crate::model::view::ExpiryView;

/// What an account was made with (`SHOW CREATE USER`) says of its password; without a word of its own it lives as long
/// as `default_days` says, the server's `default_password_lifetime`. `expires_at` is in seconds since 1970, of a server that
/// tells the time too.
pub fn expiry(create_user: &str, default_days: u64, expires_at: Option<i64>) -> ExpiryView {
    // it stands behind everything that an operator may have named or chosen
    let own = create_user.rsplit_once(" PASSWORD EXPIRE").map(|(_, own)| own.trim_start());
    let limited = match own {
        Some(own) if own.starts_with("NEVER") => false,
        Some(own) if !own.starts_with("DEFAULT") => true,
        Some(_) | None => default_days > 0,
    };
    let at = expires_at.filter(|_| limited).and_then(|at| Timestamp::from_second(at).ok());
    ExpiryView { limited, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_of_an_account_is_understood() {
        let mariadb = "CREATE USER `kw`@`%` IDENTIFIED BY PASSWORD '*B690'";
        let mysql = |own: &str| {
            format!(
                "CREATE USER `kw`@`%` IDENTIFIED WITH 'caching_sha2_password' AS <secret> REQUIRE SSL PASSWORD EXPIRE{own} \
                 ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
            )
        };
        let limited = |text: &str, days| expiry(text, days, None).limited;
        assert_eq!((limited(mariadb, 0), limited(mariadb, 90)), (false, true));
        assert_eq!((limited(&mysql(" DEFAULT"), 0), limited(&mysql(" DEFAULT"), 90)), (false, true));
        for days in [0, 90] {
            for (own, wanted) in [(" NEVER", false), (" INTERVAL 30 DAY", true), ("", true)] {
                assert_eq!(limited(&format!("{mariadb} PASSWORD EXPIRE{own}"), days), wanted, "{own:?}");
                assert_eq!(limited(&mysql(own), days), wanted, "{own:?}");
            }
        }
        let at = expiry(&mysql(" INTERVAL 30 DAY"), 0, Some(1_803_147_799)).at;
        assert_eq!(at, Some("2027-02-20T18:23:19Z".parse().unwrap()));
        assert_eq!(expiry(mariadb, 0, Some(1_803_147_799)).at, None, "what never expires has no time for it");
    }
}
