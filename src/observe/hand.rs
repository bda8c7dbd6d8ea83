//! The connections that set-up has to one server: one that does the work, and keyward's own.

use std::time::Duration;

use crate::dialect::text::{fill, literal};
use crate::model::Reason;
use crate::model::preflight::Login;
use crate::wire::connect::Target;
pub use crate::wire::same::is_same_server;
use crate::wire::session::{Session, Trouble};

const WHO_AM_I: &str = include_str!("../../sql/common/who-am-i.sql");
const MY_GRANTS: &str = include_str!("../../sql/common/my-grants.sql");
const GRANTS_OF: &str = include_str!("../../sql/common/grants-of.sql");
const ACCOUNTS_NAMED: &str = include_str!("../../sql/common/accounts-named.sql");

/// How long a statement may take that only looks.
pub const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// Who may connect to one server.
#[derive(Clone, Debug)]
pub struct Access {
    /// How sentences call the server.
    pub name: String,
    /// Keyward's own login.
    pub own: Target,
    /// An administrator's, if there is one.
    pub admin: Option<Target>,
}

/// The connections to one server.
#[derive(Debug)]
pub struct Hand {
    /// Does the work: the administrator's, or else keyward's own.
    pub work: Session,
    /// Keyward's own, as soon as it can log in.
    pub own: Option<Session>,
    /// What is known of keyward's own account.
    pub login: Login,
    /// Whether an administrator does the work.
    pub by_admin: bool,
}

/// Why there is no hand on a server.
#[derive(Debug, thiserror::Error)]
pub enum NoHand {
    /// The server does not let keyward in, and there is no administrator.
    #[error("{0}")]
    NotLetIn(Trouble),
    /// Anything else: unreachable, TLS, the administrator's password.
    #[error("{0}")]
    Trouble(#[from] Trouble),
    /// The administrator's connection and keyward's own reach two servers.
    #[error("{0}: the administrator's connection reaches another server than the address in the settings")]
    TwoServers(String),
}

/// Connects to a server, as the administrator if there is one, and as keyward if that works already.
///
/// # Errors
/// Why there is no connection that could do the work.
pub async fn open(access: &Access) -> Result<Hand, NoHand> {
    let own = match Session::open(&access.own, &access.name, LOOK_LIMIT).await {
        Ok(session) => Ok(session),
        // 1130 is what a server says that has no account at all for this host
        Err(trouble) if matches!(trouble.failure.reason, Reason::Login | Reason::HostBlocked) => Err(trouble),
        Err(trouble) => return Err(trouble.into()),
    };
    let Some(admin) = &access.admin else {
        let mut own = own.map_err(NoHand::NotLetIn)?;
        let login = works(&mut own).await?;
        let work = Session::open(&access.own, &access.name, LOOK_LIMIT).await?;
        return Ok(Hand { work, own: Some(own), login, by_admin: false });
    };
    let as_admin = format!("{} as administrator", access.name);
    let mut work = Session::open(admin, &as_admin, LOOK_LIMIT).await?;
    let (own, login) = match own {
        Ok(mut own) => {
            if !is_same_server(&mut work, &mut own).await? {
                return Err(NoHand::TwoServers(access.name.clone()));
            }
            let login = works(&mut own).await?;
            (Some(own), login)
        }
        Err(trouble) => {
            let user = literal(&access.own.account.user);
            let exists = !work.lines(fill(ACCOUNTS_NAMED, &[("user", &user)])).await?.is_empty();
            let refused = Login::Refused { exists: true, detail: trouble.failure.to_string() };
            (None, if exists { refused } else { Login::Missing })
        }
    };
    Ok(Hand { work, own, login, by_admin: true })
}

impl Hand {
    /// Connects as keyward once more, after an administrator made the account or gave it rights, and proves that it
    /// is the same server.
    ///
    /// # Errors
    /// Why keyward cannot log in, or that two servers answer.
    pub async fn connect_own(&mut self, access: &Access) -> Result<(), NoHand> {
        let mut own = Session::open(&access.own, &access.name, LOOK_LIMIT).await?;
        if !is_same_server(&mut self.work, &mut own).await? {
            return Err(NoHand::TwoServers(access.name.clone()));
        }
        self.login = works(&mut own).await?;
        self.own = Some(own);
        Ok(())
    }

    /// Says goodbye on both connections.
    pub async fn end(self) {
        self.work.end().await;
        if let Some(own) = self.own {
            own.end().await;
        }
    }
}

async fn works(own: &mut Session) -> Result<Login, Trouble> {
    let account = own.line(fill(WHO_AM_I, &[])).await?.text("account");
    // a user name may hold an @, a host does not
    let (user, host) = account.rsplit_once('@').unwrap_or((&account, "%"));
    let account = (user.to_owned(), host.to_owned());
    Ok(Login::Works { account, grants: granted(own, fill(MY_GRANTS, &[])).await? })
}

/// User and host of an account, and the lines of its `SHOW GRANTS` without password hashes.
pub type Granted = ((String, String), Vec<String>);

/// The first account with a user name and its grants, `%` before other hosts; needs an administrator.
///
/// # Errors
/// What the server said.
pub async fn account_named(work: &mut Session, user: &str) -> Result<Option<Granted>, Trouble> {
    Ok(accounts_named(work, user).await?.into_iter().next())
}

/// Every account with a user name, `%` before other hosts; needs an administrator.
///
/// # Errors
/// What the server said.
pub async fn accounts_named(work: &mut Session, user: &str) -> Result<Vec<Granted>, Trouble> {
    let mut accounts = Vec::new();
    for line in work.lines(fill(ACCOUNTS_NAMED, &[("user", &literal(user))])).await? {
        let account = (line.text("user"), line.text("host"));
        let quoted = format!("{}@{}", literal(&account.0), literal(&account.1));
        let grants = granted(work, fill(GRANTS_OF, &[("account", &quoted)])).await?;
        accounts.push((account, grants));
    }
    Ok(accounts)
}

async fn granted(session: &mut Session, sql: String) -> Result<Vec<String>, Trouble> {
    let lines = session.lines(sql).await?;
    let text = lines.iter().flat_map(|line| line.values().map(|value| String::from_utf8_lossy(value).into_owned()));
    // the rest of such a line is a password's hash
    Ok(text.map(|line| line.split(" IDENTIFIED ").next().unwrap_or_default().to_owned()).collect())
}
