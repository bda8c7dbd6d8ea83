//! `keyward catalog-merge` on real servers: shown, printed, done, done twice, undone, refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use keyward::act::catalog::{Held, NotChanged};
use keyward::lab::keystone::{Size, statements};
use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Spec};
use keyward::model::catalog::Region;
use keyward::observe::catalog::look;
use keyward::wire::session::Session;

use crate::harness::{Server, admin};

const READER_PASSWORD: &str = "s3cret-reader-4711";
const ADMIN_PASSWORD: &str = "s3cret-admin-0815";

/// The master's cloud and a second one, both like Keystone's, and settings that know the first.
struct Clouds {
    master: Server,
    second: Server,
    folder: tempfile::TempDir,
}

impl Clouds {
    fn start(kind: Kind) -> Self {
        let clouds = Self {
            master: Server::of(Spec::new("server", 1).kind(kind)),
            second: Server::plain(2),
            folder: tempfile::tempdir().unwrap(),
        };
        for (server, host) in [(&clouds.master, "one"), (&clouds.second, "two")] {
            let size = Size { users: 1, projects: 1 };
            server.sql(&statements(server.kind().family(), "keystone", size));
            server.sql(&format!(
                "USE keystone; DELETE FROM endpoint WHERE region_id = 'RegionTwo'; DELETE FROM region WHERE id = \
                 'RegionTwo'; UPDATE endpoint SET url = CONCAT('https://{host}.example.net/', interface, '/', service_id)"
            ));
        }
        // ids of the second cloud's own, texts that need quotes, something disabled, and a service that the master lacks
        clouds.second.sql(&format!(
            "USE keystone; UPDATE endpoint SET id = REVERSE(id) WHERE interface = 'public'; \
             INSERT INTO service VALUES ('heat', 'orchestration', 0, '{{\"name\": \"heat \\'é漢\\\\\\\\\\\\\"\"}}'); \
             INSERT INTO endpoint VALUES ('h', 'old', 'public', 'heat', 'http://h/%(tenant_id)s?a=''\\\\b', NULL, 1, \
             'RegionOne'); \
             CREATE USER reader@'%' IDENTIFIED BY '{READER_PASSWORD}'; GRANT SELECT ON keystone.* TO reader@'%'"
        ));
        // all that the master's administrator needs
        clouds.master.sql(&format!(
            "CREATE USER dba@localhost IDENTIFIED BY '{ADMIN_PASSWORD}'; GRANT SELECT, INSERT, UPDATE, DELETE ON keystone.* TO \
             dba@localhost"
        ));
        let settings = format!(
            "state_dir = {:?}\n[account]\npassword = \"a\"\n[tls]\nmode = \"disabled\"\n[replication]\npassword = \
             \"b\"\n[replication.tls]\nmode = \"disabled\"\n[master]\nregion = \"RegionOne\"\naddresses = [{:?}]\n\
             [[regions]]\nname = \"RegionTwo\"\n[[regions.replicas]]\nname = \"r2\"\naddress = \"127.0.0.1:1\"\n",
            clouds.path(""),
            clouds.master.address()
        );
        fs::write(clouds.path("keyward.toml"), settings).unwrap();
        clouds
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The built program, asked to join the second cloud, with more words.
    fn keyward(&self, words: &[&str]) -> Output {
        let from = format!("reader@{}", self.second.address());
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.arg("catalog-merge");
        if !words.contains(&"--region") {
            command.args(["--region", "RegionTwo"]);
        }
        if !words.contains(&"--from") {
            command.args(["--from", &from]).env("KEYWARD_FROM_PASSWORD", READER_PASSWORD);
        }
        command.env("KEYWARD_MASTER_ADMIN_PASSWORD", ADMIN_PASSWORD);
        let output = command.args(words).env("KEYWARD_CONFIG", self.path("keyward.toml")).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!told.contains(READER_PASSWORD) && !told.contains(ADMIN_PASSWORD), "{told}");
        output
    }

    /// The same as the master's administrator; what it said, when it ended with this code.
    fn as_admin(&self, code: i32, words: &[&str]) -> String {
        let dba = format!("dba@{}", self.master.socket().display());
        let output = self.keyward(&[&["--master-admin", dba.as_str()], words].concat());
        let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
        if code == 0 { out } else { err }
    }

    fn backups(&self, end: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("catalog")).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut found: Vec<PathBuf> = entries.filter(|path| path.display().to_string().ends_with(end)).collect();
        found.sort();
        found
    }

    fn run_file(&self, path: &Path) {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        self.master.sql(&fs::read_to_string(path).unwrap());
    }
}

/// The three tables, NULLs told from empty texts.
fn tables(server: &Server) -> String {
    server.sql(
        "USE keystone; SELECT id, description, QUOTE(parent_region_id), QUOTE(extra) FROM region ORDER BY id; \
         SELECT id, type, enabled, QUOTE(extra) FROM service ORDER BY id; \
         SELECT id, QUOTE(legacy_endpoint_id), interface, service_id, url, QUOTE(extra), enabled, region_id FROM endpoint \
         ORDER BY id",
    )
}

fn joins_and_comes_apart(kind: Kind) {
    if lacks(kind) {
        return;
    }
    let clouds = Clouds::start(kind);
    let (before, second) = (tables(&clouds.master), tables(&clouds.second));

    let shown = clouds.as_admin(0, &[]);
    for words in
        ["to do:", "Add the region RegionTwo.", "nothing was changed; --apply does it", "h/%(tenant_id)s?a='\\b"]
    {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(tables(&clouds.master), before);

    let script = clouds.as_admin(0, &["--print-sql"]);
    let (todo, undo) = script.split_once("-- To undo exactly this").unwrap();
    let undo: String = undo.lines().skip(1).map(|line| format!("{}\n", line.trim_start_matches("-- "))).collect();
    clouds.master.sql(todo);
    let joined = tables(&clouds.master);
    assert_ne!(joined, before);
    assert!(clouds.as_admin(0, &["--print-sql"]).contains("-- Nothing to do."));
    clouds.master.sql(&undo);
    assert_eq!(tables(&clouds.master), before, "what --print-sql says undoes it");

    let done = clouds.as_admin(0, &["--apply"]);
    assert!(done.contains("done, 18 rows in one transaction") && done.contains("to undo exactly this"), "{done}");
    assert_eq!(tables(&clouds.master), joined, "--apply does what --print-sql prints");
    let identity = "SELECT DISTINCT url FROM keystone.endpoint JOIN keystone.service ON service.id = service_id WHERE type = \
                    'identity' AND region_id = 'RegionTwo' AND url NOT LIKE 'https://one.example.net/%'";
    assert_eq!(clouds.master.sql(identity), "");
    assert!(clouds.as_admin(0, &["--apply"]).contains("RegionTwo: nothing to do."));
    assert_eq!(clouds.backups("-before.sql").len(), 1, "nothing to do leaves no backup");

    clouds.run_file(&clouds.backups("-before.sql")[0]);
    assert_eq!(tables(&clouds.master), before, "the backup puts everything back");
    clouds.as_admin(0, &["--apply"]);
    clouds.run_file(&clouds.backups("-undo.sql")[1]);
    assert_eq!(tables(&clouds.master), before, "the undo puts everything back");
    assert_eq!(tables(&clouds.second), second, "the second cloud is only read");

    refuses(&clouds, &before);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(holds_what_it_planned_from(&clouds.master, &before));
}

/// What must not be done, or not like this: said with its reason, and nothing is written.
fn refuses(clouds: &Clouds, before: &str) {
    let own = clouds.keyward(&["--apply"]);
    assert_eq!(own.status.code(), Some(2), "keyward's own account may not write there");
    assert!(String::from_utf8_lossy(&own.stderr).contains("--apply needs --master-admin"), "{own:?}");
    assert!(clouds.as_admin(2, &["--region", "RegionOne"]).contains("the master's own region"));
    let itself = clouds.master.socket().display().to_string();
    assert!(clouds.as_admin(1, &["--from", &itself]).contains("the master's own database"));
    assert!(clouds.as_admin(1, &["--from-database", "mysql"]).contains("1142"));
    let backups = clouds.backups("").len();

    clouds.master.sql(
        "USE keystone; INSERT INTO region VALUES ('RegionTwo', '', NULL, '{}'); INSERT INTO endpoint SELECT 'mine', NULL, \
         'public', id, 'http://mine', '{}', 1, 'RegionTwo' FROM service WHERE type = 'compute'",
    );
    let conflict = clouds.as_admin(1, &["--apply"]);
    assert!(conflict.contains("mine with http://mine") && conflict.contains("openstack endpoint set"), "{conflict}");
    clouds
        .master
        .sql("USE keystone; DELETE FROM endpoint WHERE id = 'mine'; DELETE FROM region WHERE id = 'RegionTwo'");
    assert_eq!(tables(&clouds.master), *before);

    clouds.master.sql("SET GLOBAL read_only = 1");
    assert!(clouds.as_admin(1, &["--apply"]).contains("is read-only, as a replica is"));
    clouds.master.sql("SET GLOBAL read_only = 0");
    assert_eq!((tables(&clouds.master), clouds.backups("").len()), (before.to_owned(), backups));
}

async fn open(server: &Server) -> Session {
    Session::open(&admin(server.socket()), "the master", Duration::from_secs(30)).await.unwrap()
}

/// The transaction begins with what the plan was made from, keeps others out, and ends with what was foretold or not.
async fn holds_what_it_planned_from(master: &Server, before: &str) {
    // what some clouds have, and what would let rows in between
    master.sql("SET GLOBAL TRANSACTION ISOLATION LEVEL READ COMMITTED");
    let mut session = open(master).await;
    let now = look(&mut session, "keystone").await.unwrap();
    let mut other = now.clone();
    other.endpoints[0].enabled = !other.endpoints[0].enabled;
    let moved = Held::open(&mut session, "keystone", &other).await;
    assert!(matches!(moved, Err(NotChanged::Moved(_))), "{moved:?}");

    let held = Held::open(&mut session, "keystone", &now).await.unwrap();
    for (table, row) in [("region", "'x', '', NULL, '{}'"), ("service", "'x', 'x', 1, '{}'")] {
        let others = format!(
            "SET SESSION innodb_lock_wait_timeout = 1; INSERT INTO keystone.{table} VALUES ({row}); DELETE FROM \
             keystone.{table} WHERE id = 'x'"
        );
        let kept_out = master.try_sql(&others).unwrap_err();
        assert!(kept_out.contains("1205"), "{kept_out}");
    }
    let add = "INSERT INTO keystone.region VALUES ('New', 'x', NULL, NULL)".to_owned();
    let otherwise = held.change(std::slice::from_ref(&add), &now).await;
    assert!(matches!(otherwise, Err(NotChanged::Otherwise(_))), "{otherwise:?}");
    assert_eq!(tables(master), *before, "it was taken back");

    let held = Held::open(&mut session, "keystone", &now).await.unwrap();
    let wrong = held.change(&[add.clone(), add.clone()], &now).await;
    assert!(matches!(wrong, Err(NotChanged::Trouble(_))), "{wrong:?}");
    drop(Held::open(&mut session, "keystone", &now).await.unwrap());
    session.close();
    assert_eq!(tables(master), *before);

    let mut session = open(master).await;
    let mut after = now.clone();
    after.regions.push(Region { id: "New".into(), description: "x".into(), parent: None, extra: None });
    after.sort();
    let held = Held::open(&mut session, "keystone", &now).await.unwrap();
    held.change(&[add], &after).await.unwrap();
    assert_eq!(look(&mut session, "keystone").await.unwrap(), after);
}

#[test]
fn a_second_cloud_joins_and_comes_apart_again() {
    joins_and_comes_apart(Kind::MariaDb1011);
}

#[test]
fn a_second_cloud_joins_one_on_mysql() {
    joins_and_comes_apart(Kind::MySql97);
}

#[test]
fn a_second_cloud_joins_one_on_the_newer_mariadb() {
    joins_and_comes_apart(Kind::MariaDb118);
}
