//! `keyward verify` beside Debian's pt-table-checksum on 2.4 million rows of a keystone-like database.
//!
//! Both run in turns on the same pair of servers, as they come, and both must find nothing: the tables are equal. Nothing
//! is asserted by the clock; the ratio is printed beside its budget.
//! `cargo bench --bench verify -- [--runs N] [--users N]`
#![allow(missing_docs, reason = "a program, not a library")]

use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use keyward::lab::keystone::{self, Size};
use keyward::lab::{Lab, Server, Spec};
use keyward::model::Family;

/// At least so many times as fast.
const BUDGET: f64 = 3.0;
/// So many rows does a user come to.
const ROWS_A_USER: u64 = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (runs, users) = (number("--runs", 3)?, number("--users", 480_000)?);
    ensure!(
        Command::new("pt-table-checksum").arg("--version").output().is_ok(),
        "pt-table-checksum is missing: `make bench-verify` installs Debian's percona-toolkit"
    );
    let lab = Lab::new()?;
    let spec = |name, id| {
        Spec::new(name, id).lines(&["innodb_buffer_pool_size=512M", "innodb_log_file_size=256M", "read_only=0"])
    };
    let (master, replica) = tokio::try_join!(lab.start(spec("m", 1)), lab.start(spec("r", 2)))?;
    link(&master, &replica).await?;
    println!("Two {} on this machine; loading {} rows.", lab.version(), users * ROWS_A_USER);
    load(&master, users)?;
    catch_up(&master, &replica).await?;
    let settings = settings(lab.folder(), &master, &replica)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    println!("run  keyward verify  pt-table-checksum (its defaults)");
    for run in 0..=runs {
        let (one, other) = (keyward(&settings)?, percona(&master)?);
        catch_up(&master, &replica).await?;
        if run == 0 {
            println!(
                "     {:>13.2}s  {:>16.2}s  not counted: pages come from the disk",
                one.as_secs_f64(),
                other.as_secs_f64()
            );
            continue;
        }
        println!("{run:>3}  {:>13.2}s  {:>16.2}s", one.as_secs_f64(), other.as_secs_f64());
        ours.push(one);
        theirs.push(other);
    }
    let ratio = median(theirs).as_secs_f64() / median(ours).as_secs_f64();
    let verdict = if ratio >= BUDGET { "ok" } else { "UNDER" };
    println!("keyward verify is {ratio:.1} times as fast, by medians; budget {BUDGET:.0} times: {verdict}");
    Ok(())
}

/// A keystone-like database, through the client that waits as long as it takes.
fn load(master: &Server, users: u64) -> anyhow::Result<()> {
    let size = Size { users: u32::try_from(users)?, projects: 1_000 };
    // pt-table-checksum searches a key that begins with an ENUM from its beginning for every chunk: hours
    let text = keystone::statements(Family::MariaDb, "keystone", size)
        .replace("enum('UserProject', 'GroupProject', 'UserDomain', 'GroupDomain')", "varchar(32)");
    let mut file = tempfile::tempfile()?;
    file.write_all(format!("{text};\n").as_bytes())?;
    file.rewind()?;
    let socket = format!("--socket={}", master.socket().display());
    let mut client = Command::new("mariadb");
    let client = client.args(["--no-defaults", "-uroot", "--default-character-set=utf8mb4", &socket]).stdin(file);
    let status = client.status().context("run mariadb")?;
    ensure!(status.success(), "the rows cannot be loaded: {status}");
    Ok(())
}

fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort_unstable();
    spans.get(spans.len() / 2).copied().unwrap_or_default()
}

/// The replica follows, and both tools have their accounts.
async fn link(master: &Server, replica: &Server) -> anyhow::Result<()> {
    let accounts = "SET SESSION sql_log_bin = 0; CREATE USER keyward@'%' IDENTIFIED BY 'own'; CREATE USER pt@'%' IDENTIFIED BY \
                    'pt'; GRANT ALL ON *.* TO pt@'%'; CREATE USER link@'%' IDENTIFIED BY 'link'; GRANT REPLICATION SLAVE ON \
                    *.* TO link@'%'; GRANT BINLOG MONITOR, SLAVE MONITOR ON *.* TO keyward@'%'; GRANT SELECT ON keystone.* TO \
                    keyward@'%'";
    master.sql(accounts).await?;
    replica.sql(accounts).await?;
    let port = master.port();
    let start = format!(
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, MASTER_USER = 'link', MASTER_PASSWORD = 'link', \
         MASTER_USE_GTID = slave_pos; START SLAVE"
    );
    replica.sql(&start).await?;
    // how pt-table-checksum finds the replica
    let dsn = format!("h=127.0.0.1,P={},u=pt,p=pt", replica.port());
    let table = format!(
        "CREATE DATABASE percona; CREATE TABLE percona.dsns (id INT PRIMARY KEY, parent_id INT, dsn VARCHAR(255)); INSERT INTO \
         percona.dsns VALUES (1, 1, '{dsn}')"
    );
    master.sql(&table).await
}

async fn catch_up(master: &Server, replica: &Server) -> anyhow::Result<()> {
    let position = master.value("SELECT @@gtid_binlog_pos").await?.unwrap_or_default();
    loop {
        let waited = replica.value(&format!("SELECT MASTER_GTID_WAIT('{position}', 60)")).await?;
        let error = replica.rows("SHOW SLAVE STATUS").await?;
        ensure!(!error.is_empty(), "the replica has no link");
        if waited.as_deref() == Some("0") {
            return Ok(());
        }
        println!("the replica is still applying");
    }
}

fn settings(folder: &Path, master: &Server, replica: &Server) -> anyhow::Result<std::path::PathBuf> {
    let folder = folder.display();
    let file = format!("{folder}/keyward.toml");
    let text = format!(
        "state_dir = \"{folder}\"\ncontrol.socket = \"{folder}/control\"\naccount.password = \"own\"\ntls.mode = \"disabled\"\n\
         replication.password = \"link\"\nreplication.tls.mode = \"disabled\"\nmaster.addresses = [\"{}\"]\n[[regions]]\nname = \
         \"RegionTwo\"\n[[regions.replicas]]\nname = \"r2\"\naddress = \"{}\"\n",
        master.address(),
        replica.address()
    );
    std::fs::write(&file, text)?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private)?;
    Ok(file.into())
}

fn keyward(settings: &Path) -> anyhow::Result<Duration> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    timed(command.arg("--config").arg(settings).arg("verify"))
}

fn percona(master: &Server) -> anyhow::Result<Duration> {
    let server = format!("h=127.0.0.1,P={},u=pt,p=pt", master.port());
    let recursion = format!("dsn={server},D=percona,t=dsns");
    let mut command = Command::new("pt-table-checksum");
    // the format of the binlog is ROW here: its statement is logged as one all the same
    timed(command.args([
        "--databases",
        "keystone",
        "--no-check-binlog-format",
        "--recursion-method",
        &recursion,
        &server,
    ]))
}

/// How long a tool takes; it must find no difference.
fn timed(command: &mut Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let output = command.output().with_context(|| format!("run {command:?}"))?;
    let took = began.elapsed();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    ensure!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
    Ok(took)
}

fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    match std::env::args().skip_while(|argument| argument != name).nth(1) {
        Some(text) => text.parse().with_context(|| format!("{name} takes a number, not {text:?}")),
        None => Ok(default),
    }
}
