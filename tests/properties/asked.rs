//! Real servers that a property asks.

use std::cell::RefCell;

use keyward::lab::client::rows;
use keyward::lab::skip::lacks;
use keyward::lab::{Kind, Lab, Server, Spec};
use mysql_async::Conn;
use proptest::strategy::Strategy;
use proptest::test_runner::{TestCaseResult, TestRunner};
use tokio::runtime::Runtime;

use crate::tries;

/// One connection to a server, for questions from within a property.
pub struct Asked {
    pub runtime: Runtime,
    conn: RefCell<Conn>,
    pub server: Server,
}

impl Asked {
    /// `None` where there is no such server; the test is then skipped.
    pub fn of(kind: Kind) -> Option<Self> {
        if lacks(kind) {
            return None;
        }
        Some(Self::numbered(kind, 1))
    }

    /// Another server of a kind that is here.
    pub fn second(kind: Kind) -> Self {
        Self::numbered(kind, 2)
    }

    fn numbered(kind: Kind, server_id: u32) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let spec = Spec::new("one", server_id).kind(kind);
        let server = runtime.block_on(async { Lab::new()?.start(spec).await }).unwrap();
        let conn = RefCell::new(runtime.block_on(server.root().connect()).unwrap());
        Self { runtime, conn, server }
    }

    /// The cells of the first row, or what the server says against it.
    pub fn ask(&self, statement: &str) -> Result<Vec<String>, String> {
        let said = self.runtime.block_on(rows(&mut self.conn.borrow_mut(), statement));
        let said = said.map_err(|error| format!("{error:#}"))?;
        Ok(said.into_iter().next().unwrap_or_default().into_iter().flatten().collect())
    }

    /// Statements one after the other; the answer is that of the last.
    pub fn ask_all<const N: usize>(&self, statements: [&str; N]) -> Result<Vec<String>, String> {
        statements.into_iter().try_fold(Vec::new(), |_, statement| self.ask(statement))
    }
}

/// Tries a property with many values; a failing one is shrunk and told.
pub fn hold<S: Strategy>(cases: u32, strategy: S, property: impl Fn(S::Value) -> TestCaseResult) {
    TestRunner::new(tries(cases)).run(&strategy, property).unwrap_or_else(|failed| panic!("{failed}"));
}
