//! `keyward catalog-merge`: a second cloud's catalogue joined into the master's, shown first and done when told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::{self, FromTls};
use super::exit::{BadInput, Exit};
use super::{admin, complain, output};
use crate::act::catalog::{Held, NotChanged, keep};
use crate::config::schema::{Tls, TlsMode};
use crate::config::{self, Settings};
use crate::daemon::clock;
use crate::model::catalog::Catalog;
use crate::model::{Reason, RegionName};
use crate::observe::catalog::{is_read_only, look, open};
use crate::observe::hand::{Access, LOOK_LIMIT, NoHand, is_same_server};
use crate::plan::catalog::{Asked, Merge, plan, sql};
use crate::wire::connect::{Place, Target};
use crate::wire::session::{Session, Trouble};

/// Where the password at the second cloud's server comes from.
const FROM_PASSWORD: &str = "KEYWARD_FROM_PASSWORD";
/// What Keystone's own tools call its schema.
const USUAL_DATABASE: &str = "keystone";

/// `keyward catalog-merge` with the settings in `path`, or in the usual place.
///
/// # Errors
/// Every problem of the settings; or options that contradict them.
pub fn command(path: Option<&Path>, asked: &args::CatalogMerge) -> anyhow::Result<Exit> {
    let settings = config::load(path)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end = runtime.block_on(run(&settings, asked));
    runtime.shutdown_background();
    end
}

/// Plans, and does it with `--apply`: lines for people on stdout, why not on stderr.
///
/// # Errors
/// [`BadInput`]: the options contradict the settings.
pub async fn run(settings: &Settings, asked: &args::CatalogMerge) -> anyhow::Result<Exit> {
    let job = Job::new(settings, asked).map_err(BadInput)?;
    match job.run().await {
        Ok(()) => Ok(Exit::Done),
        Err(Stop::Output(error)) => Err(error),
        Err(Stop::Why(why)) => {
            why.iter().for_each(|why| complain(&format!("keyward: {}: not merged: {why}", job.region)));
            Ok(Exit::Failed)
        }
    }
}

/// Why it ended early.
enum Stop {
    /// Sentences for people.
    Why(Vec<String>),
    /// Nobody reads the output.
    Output(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Stop::Output(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Stop::Why(vec![trouble.to_string()])
    }
}

impl From<NotChanged> for Stop {
    fn from(error: NotChanged) -> Self {
        Stop::Why(vec![error.to_string()])
    }
}

impl From<String> for Stop {
    fn from(sentence: String) -> Self {
        Stop::Why(vec![sentence])
    }
}

/// What was asked for, checked.
struct Job<'a> {
    home: &'a RegionName,
    region: &'a RegionName,
    from_region: Option<&'a str>,
    /// The schemas: the master's and the second cloud's.
    databases: [String; 2],
    masters: Vec<Access>,
    from: Target,
    apply: bool,
    print_sql: bool,
    folder: PathBuf,
}

/// Both servers, and both catalogues as they were read.
struct Pair {
    master: Session,
    from: Session,
    ours: Catalog,
    theirs: Catalog,
}

impl<'a> Job<'a> {
    fn new(settings: &'a Settings, asked: &'a args::CatalogMerge) -> Result<Self, String> {
        if asked.apply && asked.master_admin.is_none() {
            return Err(
                "--apply needs --master-admin: keyward's own account may only read Keystone's tables".to_owned()
            );
        }
        if asked.region == settings.master.region {
            return Err(format!(
                "--region: {} is the master's own region: give the second cloud another name",
                asked.region
            ));
        }
        let timeout = settings.connect_timeout.max(Duration::from_secs(1));
        let from = from(settings, asked, timeout)?;
        let master_admin = match &asked.master_admin {
            Some(text) => {
                let variable = "KEYWARD_MASTER_ADMIN_PASSWORD";
                Some(admin::target("--master-admin", variable, text, &settings.tls, timeout)?)
            }
            None => None,
        };
        let masters = settings.master.addresses.iter().map(|address| Access {
            name: format!("master {address}"),
            own: Target {
                place: Place::Tcp(address.clone()),
                account: settings.account.clone(),
                tls: settings.tls.clone(),
                connect_timeout: timeout,
            },
            admin: master_admin.clone(),
        });
        let database = database(settings, asked.database.as_deref())?;
        let from_database = asked.from_database.clone().unwrap_or_else(|| database.clone());
        Ok(Self {
            home: &settings.master.region,
            region: &asked.region,
            from_region: asked.from_region.as_deref(),
            databases: [database, from_database],
            masters: masters.collect(),
            from,
            apply: asked.apply,
            print_sql: asked.print_sql,
            folder: asked.backup_dir.clone().unwrap_or_else(|| settings.state_dir.join("catalog")),
        })
    }

    async fn run(&self) -> Result<(), Stop> {
        let mut pair = self.look().await?;
        let asked = Asked { home: self.home, region: self.region, from_region: self.from_region };
        let merge = plan(&pair.ours, &pair.theirs, asked).map_err(Stop::Why)?;
        if self.print_sql {
            output::write(&self.by_hand(&pair, &merge))?;
        } else {
            self.tell(&pair, &merge)?;
            if self.apply && !merge.steps.is_empty() {
                self.apply(&mut pair, &merge).await?;
            }
        }
        pair.master.end().await;
        pair.from.end().await;
        Ok(())
    }

    /// Connects to both and reads both, after it is sure that the one is the master and the other is not.
    async fn look(&self) -> Result<Pair, Stop> {
        let mut master = self.master().await?;
        let who = format!("second cloud {}", self.from.place);
        let mut from = Session::open(&self.from, &who, LOOK_LIMIT).await.map_err(|trouble| hint(&trouble))?;
        if is_read_only(&mut master).await? {
            let why =
                format!("{} is read-only, as a replica is: the catalogue is changed on the master alone", master.who());
            return Err(why.into());
        }
        let [database, from_database] = &self.databases;
        if database == from_database && is_same_server(&mut master, &mut from).await? {
            let why = "--from leads to the master's own database: give the second cloud's server, or its schema with \
                       --from-database";
            return Err(why.to_owned().into());
        }
        let ours = look(&mut master, database).await?;
        let theirs = look(&mut from, from_database).await?;
        Ok(Pair { master, from, ours, theirs })
    }

    /// The first of the master's addresses at which there is a way in.
    async fn master(&self) -> Result<Session, Stop> {
        let mut why = Vec::new();
        for access in &self.masters {
            match open(access).await {
                Ok(session) => return Ok(session),
                Err(error) => why.push(no_way_in(&error)),
            }
        }
        Err(Stop::Why(why))
    }

    fn say(&self, text: &str) -> anyhow::Result<()> {
        output::line(&format!("{}: {text}", self.region))
    }

    fn headline(&self, pair: &Pair, merge: &Merge) -> String {
        let (from, master) = (pair.from.who(), pair.master.who());
        format!("the region {} of the {from} joins the catalogue of the {master}", merge.from_region)
    }

    fn tell(&self, pair: &Pair, merge: &Merge) -> anyhow::Result<()> {
        self.say(&format!("{}.", self.headline(pair, merge)))?;
        for note in &merge.notes {
            self.say(&format!("note: {note}"))?;
        }
        if merge.steps.is_empty() {
            return self.say("nothing to do.");
        }
        self.say("to do:")?;
        for (number, step) in (1..).zip(&merge.steps) {
            output::line(&format!("  {number}. {}", step.sentence(self.home)))?;
        }
        if self.apply {
            return Ok(());
        }
        self.say("nothing was changed; --apply does it, --print-sql prints the statements.")
    }

    /// A script for the master's own client, with everything that people should know as comments.
    fn by_hand(&self, pair: &Pair, merge: &Merge) -> String {
        let mut comments = vec![format!("keyward catalog-merge: {}.", self.headline(pair, merge))];
        comments.extend(merge.notes.iter().map(|note| format!("Note: {note}")));
        if merge.steps.is_empty() {
            comments.push("Nothing to do.".to_owned());
            return sql::script(&comments, &[], false);
        }
        comments.push(
            "All or nothing: a client that stops at the first error writes nothing (never with --force).".to_owned(),
        );
        comments.push(
            "Take a backup first: mariadb-dump or mysqldump of the tables region, service and endpoint.".to_owned(),
        );
        comments.extend(merge.steps.iter().map(|step| step.sentence(self.home)));
        let mut script = sql::script(&comments, &merge.statements(&self.databases[0]), false);
        script.push_str("-- To undo exactly this, run these lines without the marks in front:\n");
        for line in sql::script(&[], &merge.undo(&self.databases[0]), false).lines() {
            script.push_str(&format!("-- {line}\n"));
        }
        script
    }

    /// Backup, transaction, and what undoes it.
    async fn apply(&self, pair: &mut Pair, merge: &Merge) -> Result<(), Stop> {
        let [database, from_database] = &self.databases;
        let stamp = clock::wall().strftime("%Y%m%dT%H%M%S%3fZ").to_string();
        let head = format!("keyward catalog-merge {stamp}: {}", self.headline(pair, merge));
        let before = sql::script(
            &[
                format!("{head}."),
                format!(
                    "The tables region, service and endpoint of {database} on the {} before it.",
                    pair.master.who()
                ),
                "Run on the master it puts all three back; rows added since are lost then.".to_owned(),
            ],
            &sql::restore(database, &pair.ours),
            true,
        );
        let undo = sql::script(
            &[format!("{head}."), "Run on the master it undoes exactly that.".to_owned()],
            &merge.undo(database),
            false,
        );
        let before = keep(&self.folder, &format!("{stamp}-before.sql"), &before)?;
        let undo_file = keep(&self.folder, &format!("{stamp}-undo.sql"), &undo)?;
        self.say(&format!("the three tables as they were are in {}.", before.display()))?;
        let held = Held::open(&mut pair.master, database, &pair.ours).await?;
        let unchanged = look(&mut pair.from, from_database).await.map(|theirs| theirs == pair.theirs);
        if !matches!(unchanged, Ok(true)) {
            held.give_up().await;
            unchanged?;
            return Err(NotChanged::Moved(pair.from.who().to_owned()).into());
        }
        held.change(&merge.statements(database), &merge.applied_to(&pair.ours)).await?;
        // written for good: nothing below may look like a failure
        let _ = self.told(merge, &undo, &undo_file);
        Ok(())
    }

    fn told(&self, merge: &Merge, undo: &str, undo_file: &Path) -> anyhow::Result<()> {
        let rows = merge.steps.len();
        self.say(&format!("done, {rows} rows in one transaction."))?;
        self.say(
            "Keystone may answer from its cache for a while, 600 s unless [cache] expiration_time says otherwise.",
        )?;
        let script: Vec<&str> = undo.lines().filter(|line| !line.starts_with("-- ")).collect();
        self.say(&format!(
            "to undo exactly this, an administrator runs on the master (it is in {} too):\n\n{}\n",
            undo_file.display(),
            script.join("\n")
        ))
    }
}

/// Why there is no way to the master, and what may help.
fn no_way_in(error: &NoHand) -> String {
    let hint = match error {
        NoHand::NotLetIn(trouble) | NoHand::Trouble(trouble) => match (trouble.failure.reason, error) {
            (Reason::Login | Reason::HostBlocked, NoHand::NotLetIn(_)) => ": give --master-admin",
            (Reason::Login | Reason::HostBlocked, _) => ": correct the login of --master-admin",
            (Reason::Tls, _) => ": correct tls.ca_file, or the server's certificate, which must name the address",
            (reason, _) if reason.is_evidence() => ": correct the address, or see that the server answers there",
            _ => "",
        },
        NoHand::TwoServers(_) => "",
    };
    format!("{error}{hint}")
}

/// Why there is no way to the second cloud, and what may help.
fn hint(trouble: &Trouble) -> String {
    let hint = match trouble.failure.reason {
        Reason::Tls => ": give --from-tls, if its certificate is not one that the settings know",
        Reason::Login => ": correct the user in --from, or the password in KEYWARD_FROM_PASSWORD",
        reason if reason.is_evidence() => ": correct the address in --from, or see that the server answers there",
        _ => "",
    };
    format!("{trouble}{hint}")
}

/// The schema of the master's catalogue.
fn database(settings: &Settings, asked: Option<&str>) -> Result<String, String> {
    let databases = &settings.replication.databases;
    match (asked, databases.as_slice()) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok(only.clone()),
        (None, several) if several.iter().any(|name| name == USUAL_DATABASE) => Ok(USUAL_DATABASE.to_owned()),
        (None, several) => Err(format!("give the schema of Keystone with --database: {}", several.join(", "))),
    }
}

/// Where and as whom the second cloud is read.
fn from(settings: &Settings, asked: &args::CatalogMerge, timeout: Duration) -> Result<Target, String> {
    let text = &asked.from;
    let own_account = !text.contains('@') && !text.starts_with('/');
    let address = text.rsplit_once('@').map_or(text.as_str(), |(_, address)| address);
    let mut replicas = settings.regions.iter().flat_map(|region| &region.replicas);
    let replica = replicas.find(|replica| replica.address.to_string() == address);
    let tls = replica.map_or(&settings.tls, |replica| &replica.tls);
    let tls = match asked.from_tls {
        None => tls.clone(),
        Some(FromTls::Disabled) => Tls { mode: TlsMode::Disabled, ..tls.clone() },
        Some(FromTls::Required) => Tls { mode: TlsMode::Required, ..tls.clone() },
        Some(FromTls::VerifyIdentity) => Tls { mode: TlsMode::VerifyIdentity, ..tls.clone() },
    };
    if own_account {
        let address = text.parse().map_err(|error| format!("--from: {error}"))?;
        let account = settings.account.clone();
        return Ok(Target { place: Place::Tcp(address), account, tls, connect_timeout: timeout });
    }
    admin::target("--from", FROM_PASSWORD, text, &tls, timeout)
}
