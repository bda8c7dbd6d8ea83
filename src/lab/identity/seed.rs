//! What every Keystone of a release starts from: its database and its keys, made once (30 s) and loaded in 1 s.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

use super::release::{Fetched, Release};
use super::{ACCOUNT, ACCOUNT_PASSWORD, ADMIN, ADMIN_PASSWORD, keystone};
use crate::dialect::text::{fill, identifier, literal};
use crate::lab::folder::copy_folder;
use crate::lab::server::{Server, Spec};
use crate::lab::{Lab, keystone as like, template};

/// Changes when the seed is made in another way, so that old ones are not used.
const FORM: u32 = 1;
const DUMP: &str = "keystone.sql";
/// What the catalogue says until `Seed::load` is told an address.
const NOWHERE: &str = "http://identity.regionone.invalid:5000/v3";

/// A finished database and keys of one release.
#[derive(Clone, Debug)]
pub struct Seed {
    fetched: Fetched,
    folder: PathBuf,
}

impl Seed {
    /// The seed of a release, made now if it is not there. It holds the user `ADMIN`, who has not logged in yet, with
    /// a project of the same name, the usual roles, and RegionOne with its identity service.
    ///
    /// # Errors
    /// The release is not here, the cache cannot be written, or a step of making it failed.
    pub async fn of(lab: &Lab, release: Release) -> anyhow::Result<Self> {
        let fetched = release.fetched()?;
        let cache = template::cache(lab.folder())?;
        let user = rustix::process::geteuid().as_raw();
        let name = format!("keystone-{}-{}-{FORM}-{user}", release.name(), fetched.version);
        let folder = cache.join(&name);
        let lock = cache.join(format!("{name}.lock"));
        // whoever makes it now is done within the limits of the steps
        let _made_by_one = tokio::task::spawn_blocking(move || -> anyhow::Result<File> {
            let file = File::create(&lock).with_context(|| format!("lock {}", lock.display()))?;
            flock(&file, FlockOperation::LockExclusive).with_context(|| format!("lock {}", lock.display()))?;
            Ok(file)
        })
        .await??;
        let seed = Self { fetched, folder };
        if !seed.folder.is_dir() {
            let unfinished = tempfile::Builder::new().prefix("unfinished-").tempdir_in(&cache)?;
            seed.make(lab, unfinished.path()).await.context("make a Keystone's database and keys")?;
            // a rename, so that a folder under the final name is always complete
            fs::rename(unfinished.keep(), &seed.folder)
                .with_context(|| format!("move the seed to {}", seed.folder.display()))?;
        }
        Ok(seed)
    }

    /// The release and its programs.
    pub fn fetched(&self) -> &Fetched {
        &self.fetched
    }

    /// Makes the schema `keystone` on a server, fills it, and makes Keystone's account there. `identity` is the
    /// address (`host:port`) under which the catalogue names RegionOne's identity service.
    ///
    /// # Errors
    /// What the server says.
    pub async fn load(&self, server: &Server, identity: &str) -> anyhow::Result<()> {
        let path = self.folder.join(DUMP);
        let dump = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        server.sql(include_str!("../../../sql/lab/keystone_own.sql")).await?;
        server.sql(&dump).await.context("load Keystone's database")?;
        let (url, region) = (literal(&format!("http://{identity}/v3")), literal("RegionOne"));
        let gaps = [("url", url.as_str()), ("region", region.as_str())];
        server.sql(&fill(include_str!("../../../sql/lab/catalog_url.sql"), &gaps)).await?;
        account(server).await
    }

    /// Copies the keys of tokens and of credentials into a folder, which is made.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn copy_keys(&self, folder: &Path) -> anyhow::Result<()> {
        for name in keystone::KEYS {
            copy_folder(&self.folder.join(name), &folder.join(name))
                .with_context(|| format!("copy keys to {}", folder.display()))?;
        }
        Ok(())
    }

    async fn make(&self, lab: &Lab, work: &Path) -> anyhow::Result<()> {
        let server = lab.start(Spec::new(&format!("seed-{}", self.fetched.release.name()), 4_294)).await?;
        server.sql(include_str!("../../../sql/lab/keystone_own.sql")).await?;
        account(&server).await?;
        let conf = work.join("keystone.conf");
        keystone::write_conf(&conf, &server.address(), work, None, &[])?;
        let (fetched, keys) = (self.fetched.clone(), conf.clone());
        tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
            fetched.run_manage(&keys, &["db_sync"])?;
            let [user, group] = [rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()];
            let [user, group] = [user, group].map(|id| id.to_string());
            for setup in ["fernet_setup", "credential_setup"] {
                fetched.run_manage(&keys, &[setup, "--keystone-user", &user, "--keystone-group", &group])?;
            }
            let mut words = vec!["bootstrap", "--bootstrap-username", ADMIN, "--bootstrap-project-name", ADMIN];
            words.extend(["--bootstrap-password", ADMIN_PASSWORD, "--bootstrap-region-id", "RegionOne"]);
            for kind in ["--bootstrap-public-url", "--bootstrap-internal-url", "--bootstrap-admin-url"] {
                words.extend([kind, NOWHERE]);
            }
            fetched.run_manage(&keys, &words).map(drop)
        })
        .await??;
        let dump = dump(&server).await?;
        fs::write(work.join(DUMP), dump).context("write a dump")?;
        fs::remove_file(conf).context("remove a configuration")
    }
}

/// Makes Keystone's account on a server, without a trace in the binary log.
///
/// # Errors
/// What the server says.
pub async fn account(server: &Server) -> anyhow::Result<()> {
    like::account(server, ACCOUNT, ACCOUNT_PASSWORD).await
}

/// Statements that make the schema `keystone` again as it is on this server.
async fn dump(server: &Server) -> anyhow::Result<String> {
    let schema = fill(include_str!("../../../sql/lab/tables.sql"), &[("schema", &literal("keystone"))]);
    let mut text = "USE keystone;\nSET FOREIGN_KEY_CHECKS = 0;\n".to_owned();
    for name in server.rows(&schema).await?.into_iter().flatten().flatten() {
        let table = format!("keystone.{}", identifier(&name));
        let gaps = [("table", table.as_str())];
        let made = server.rows(&fill(include_str!("../../../sql/lab/definition.sql"), &gaps)).await?;
        let made = made.into_iter().flatten().nth(1).flatten().with_context(|| format!("no definition of {table}"))?;
        text.push_str(&format!("{made};\n"));
        for row in server.rows(&fill(include_str!("../../../sql/lab/every_row.sql"), &gaps)).await? {
            let cells: Vec<String> =
                row.iter().map(|cell| cell.as_deref().map_or_else(|| "NULL".to_owned(), literal)).collect();
            text.push_str(&format!("INSERT INTO {table} VALUES ({});\n", cells.join(", ")));
        }
    }
    text.push_str("SET FOREIGN_KEY_CHECKS = 1;\n");
    Ok(text)
}
