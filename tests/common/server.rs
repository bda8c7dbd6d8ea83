//! A server of the lab (`keyward::lab`) for tests that do not await: started, started again and asked as they stand.

use std::io::Write as _;
use std::ops::{Deref, DerefMut};
use std::process::{Command, Stdio};

use keyward::lab::{self, Lab, Spec};

/// One server in a lab of its own; killed when dropped.
pub struct Server(lab::Server);

impl Server {
    pub fn of(spec: Spec) -> Self {
        Self(wait(async { Lab::new()?.start(spec).await }))
    }

    /// Kills it, if it runs, and starts it with these lines added to its option file.
    pub fn restart(&mut self, lines: &[&str]) {
        self.kill9();
        lines.iter().for_each(|line| self.add_line(line).unwrap());
        wait(self.0.start());
    }

    /// Statements as root, as many as wanted; what the client prints, tab-separated and without headings.
    pub fn try_sql(&self, statements: &str) -> Result<String, String> {
        let mut client = Command::new("mariadb")
            .args(["--no-defaults", "-uroot", "-N", "-B", "--default-character-set=utf8mb4"])
            .arg(format!("--socket={}", self.socket().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // a client that ends early takes no more; its own words say why
            scope.spawn(move || stdin.write_all(statements.as_bytes()).ok());
            client.wait_with_output().unwrap()
        });
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    /// The same for statements that must not fail.
    pub fn sql(&self, statements: &str) -> String {
        let failed = |error| panic!("{error}\n{}", statements.chars().take(2_000).collect::<String>());
        self.try_sql(statements).unwrap_or_else(failed)
    }
}

impl Deref for Server {
    type Target = lab::Server;

    fn deref(&self) -> &lab::Server {
        &self.0
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut lab::Server {
        &mut self.0
    }
}

/// Waits on a thread of its own, because a test's runtime cannot wait inside itself.
fn wait<T: Send>(work: impl Future<Output = anyhow::Result<T>> + Send) -> T {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work).unwrap();
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}
