//! One server: started, killed, frozen, stopped and started again on the same data and the same port.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;

use super::client::{Cells, Client};
use super::folder::{Folder, copy_folder};
use super::kind::Kind;
use super::port::Port;
use super::process::Process;
use super::program::Programs;
use super::template;
use super::tls::Pair;
use crate::model::Family;

/// What only MariaDB is told.
const MARIADB: &str = "binlog_format=ROW\nperformance_schema=OFF\n";
/// What only MySQL is told. Much of it makes it smaller: its performance schema alone takes 250 MB by default.
const MYSQL: &str = "gtid_mode=ON\nenforce_gtid_consistency=ON\nmysqlx=OFF\nsecure_file_priv=\n\
    innodb_log_buffer_size=1M\ninnodb_buffer_pool_dump_at_shutdown=OFF\ninnodb_buffer_pool_load_at_startup=OFF\n\
    max_connections=100\ntable_open_cache=200\ntable_definition_cache=400\n\
    performance_schema_digests_size=100\nperformance_schema_error_size=0\n\
    performance_schema_events_statements_history_long_size=1\nperformance_schema_events_stages_history_long_size=1\n\
    performance_schema_events_waits_history_long_size=1\nperformance_schema_events_transactions_history_long_size=1\n";

/// Which server to start.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(super) kind: Kind,
    name: String,
    server_id: u32,
    lines: Vec<String>,
    host: String,
    below: Vec<String>,
}

impl Spec {
    /// A server that writes row events to its binary log, as a master or an empty replica.
    /// The name, for example `r1`, is unique in its lab.
    pub fn new(name: &str, server_id: u32) -> Self {
        let (host, below) = ("127.0.0.1".to_owned(), Vec::new());
        Self { kind: Kind::default(), name: name.to_owned(), server_id, lines: Vec::new(), host, below }
    }

    /// A server of this kind, and not the MariaDB that is installed.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Listens on another address than 127.0.0.1, and starts through another program (as `below`) that enters the
    /// network in which there is that address.
    pub fn elsewhere(mut self, host: &str, words: &[String]) -> Self {
        (self.host, self.below) = (host.to_owned(), words.to_vec());
        self
    }

    /// One more line of the option file; later lines win.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// More lines of the option file.
    pub fn lines(self, lines: &[&str]) -> Self {
        lines.iter().fold(self, |spec, line| spec.line(line))
    }

    /// Starts the server through another program that becomes it, with these words before the server's own; for
    /// example `nsenter`, for a network of its own.
    pub fn below(mut self, words: &[&str]) -> Self {
        self.below = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Offers TLS with this certificate.
    pub fn tls(self, pair: &Pair) -> Self {
        self.line(&format!("ssl_ca={}", pair.ca.display()))
            .line(&format!("ssl_cert={}", pair.cert.display()))
            .line(&format!("ssl_key={}", pair.key.display()))
    }
}

/// A server of the lab. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    name: String,
    dir: PathBuf,
    port: Port,
    host: String,
    process: Process,
    client: Client,
    /// It runs in a network of its own.
    elsewhere: bool,
    programs: Arc<Programs>,
    // last, so that the folder outlives the server
    _folder: Arc<Folder>,
}

impl Server {
    pub(super) async fn create(folder: Arc<Folder>, programs: Arc<Programs>, spec: Spec) -> anyhow::Result<Self> {
        let dir = folder.path().join(&spec.name);
        fs::create_dir(&dir).with_context(|| format!("make the folder {}", dir.display()))?;
        fs::create_dir(dir.join("tmp")).with_context(|| format!("make the folder {}", dir.join("tmp").display()))?;
        let (data, cache, known) = (dir.join("data"), folder.path().to_owned(), Arc::clone(&programs));
        tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
            let template = template::data_folder(&known, &cache)?;
            copy_folder(&template, &data).with_context(|| format!("copy {}", template.display()))
        })
        .await??;
        let port = Port::take().context("find a free port")?;
        let client = Client::root(&spec.name, &dir.join("s"));
        let Spec { name, server_id, lines, host, below, .. } = spec;
        let process = Process::new(&format!("server {name}"), dir.join("log")).below(&below);
        let elsewhere = !below.is_empty();
        let mut server = Self { name, dir, port, host, process, client, elsewhere, programs, _folder: folder };
        server.configure(server_id, &lines)?;
        server.start().await?;
        Ok(server)
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.programs.kind
    }

    /// Its exact version, for example `10.11.19-MariaDB`.
    pub fn version(&self) -> &str {
        &self.programs.version
    }

    /// Its name in the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its port, kept on 127.0.0.1 while the server is down.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `host:port`
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    /// Its unix socket, through which root needs no password.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }

    /// Its data folder; only touch it while the server is down.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Its option file; a change counts from the next start.
    pub fn option_file(&self) -> PathBuf {
        self.dir.join("my.cnf")
    }

    /// Its own log.
    pub fn log_file(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Its process; `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Root through the socket.
    pub fn root(&self) -> &Client {
        &self.client
    }

    /// An account over TCP without TLS; of a server that runs elsewhere through its socket, whatever the network does.
    pub fn client(&self, user: &str, password: &str) -> Client {
        match self.elsewhere {
            true => Client::socket(&self.name, &self.socket(), user, password),
            false => Client::tcp(&self.name, self.port(), user, password),
        }
    }

    /// Runs statements as root.
    ///
    /// # Errors
    /// What the server says of the first that fails.
    pub async fn sql(&self, statements: &str) -> anyhow::Result<()> {
        self.client.run(statements).await
    }

    /// The rows of one statement as root.
    ///
    /// # Errors
    /// What the server says.
    pub async fn rows(&self, statement: &str) -> anyhow::Result<Vec<Cells>> {
        self.client.rows(statement).await
    }

    /// The first cell of the first row as root.
    ///
    /// # Errors
    /// What the server says.
    pub async fn value(&self, statement: &str) -> anyhow::Result<Option<String>> {
        self.client.value(statement).await
    }

    /// Starts it on its data and port and waits until it answers; nothing happens when it runs.
    ///
    /// # Errors
    /// It ended or has not answered within two minutes; the sentence holds the end of its own log.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        if self.pid().is_some() {
            return Ok(());
        }
        let (options, client) = (self.option_file(), self.client.clone());
        let answers = || async {
            tokio::time::timeout(Duration::from_secs(5), client.run("DO 1")).await.context("no answer within 5s")?
        };
        let configure = |command: &mut Command| {
            command.arg(format!("--defaults-file={}", options.display()));
        };
        self.process.start(&self.programs.server, configure, answers).await
    }

    /// Ends it in good order (SIGTERM) and waits; nothing happens when it is down.
    ///
    /// # Errors
    /// It has not ended within two minutes; then it is killed.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.process.stop(Signal::TERM).await
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As `stop` and `start`.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.start().await
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Freezes it (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.process.freeze()
    }

    /// Thaws it (SIGCONT).
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.process.thaw()
    }

    /// Adds a line to the option file; it counts from the next start.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add_line(&self, line: &str) -> anyhow::Result<()> {
        use std::io::Write;

        let mut file = OpenOptions::new().append(true).open(self.option_file()).context("open an option file")?;
        writeln!(file, "{line}").context("write an option file")
    }

    fn configure(&self, server_id: u32, lines: &[String]) -> anyhow::Result<()> {
        let mut text = format!(
            "[mysqld]\nserver_id={server_id}\nport={}\nbind_address={}\nskip_name_resolve\n",
            self.port(),
            self.host
        );
        // with a folder of its own: a server that starts deletes the temporary tables of all others in the same one
        for (name, file) in [("datadir", "data"), ("socket", "s"), ("pid_file", "pid"), ("tmpdir", "tmp")] {
            text.push_str(&format!("{name}={}\n", self.dir.join(file).display()));
        }
        text.push_str("log_bin=binlog\n");
        text.push_str(&template::lines(&self.programs));
        // committed rows outlive a killed server, which is what the lab does to servers; not a power cut
        text.push_str("innodb_flush_log_at_trx_commit=2\nsync_binlog=0\n");
        text.push_str("innodb_buffer_pool_size=32M\nkey_buffer_size=1M\n");
        text.push_str(match self.kind().family() {
            Family::MariaDb => MARIADB,
            Family::MySql => MYSQL,
        });
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let path = self.option_file();
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }
}
