//! Accounts: making them and giving rights. A password is never changed and never part of an error.

use secrecy::{ExposeSecret, SecretString};

use crate::dialect::grants::Grant;
use crate::dialect::text::{fill, identifier, literal};
use crate::wire::session::{Session, Trouble};

const CREATE_ACCOUNT: &str = include_str!("../../sql/common/create-account.sql");
const GRANT: &str = include_str!("../../sql/common/grant.sql");

/// Makes an account that may do nothing yet; fails when there is one.
///
/// # Errors
/// What the server said.
pub async fn create(
    work: &mut Session,
    account: &(String, String),
    password: &SecretString,
    ssl: bool,
) -> Result<(), Trouble> {
    let gaps = [
        ("account", &*quoted(account)),
        ("password", &*literal(password.expose_secret())),
        ("require", if ssl { " REQUIRE SSL" } else { "" }),
    ];
    work.run(fill(CREATE_ACCOUNT, &gaps)).await
}

/// Gives rights.
///
/// # Errors
/// What the server said.
pub async fn grant(work: &mut Session, account: &(String, String), grants: &[Grant]) -> Result<(), Trouble> {
    for grant in grants {
        let gaps = [("rights", &*grant.rights_text()), ("scope", &*grant.scope_text()), ("account", &*quoted(account))];
        work.run(fill(GRANT, &gaps)).await?;
    }
    Ok(())
}

fn quoted((user, host): &(String, String)) -> String {
    format!("{}@{}", identifier(user), identifier(host))
}
