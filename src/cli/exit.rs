//! The exit codes, and which error leads to which.

use std::process::ExitCode;

use crate::config::Problems;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or healthy.
    Done,
    /// 1: it failed.
    Failed,
    /// 2: bad arguments or settings; nothing was changed.
    BadInput,
    /// 3: something is degraded.
    Degraded,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::BadInput => 2,
            Exit::Degraded => 3,
        }
    }

    /// The exit code that an error asks for.
    pub fn of(error: &anyhow::Error) -> Self {
        if error.is::<BadInput>() || error.is::<Problems>() { Exit::BadInput } else { Exit::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// What was asked for cannot be done as it was asked; ends with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_ends_with_2_and_anything_else_with_1_also_under_context() {
        let bad = anyhow::Error::new(BadInput("no such region".into())).context("cannot pause");
        assert_eq!(Exit::of(&bad), Exit::BadInput);
        assert_eq!(Exit::of(&anyhow::anyhow!("no answer").context("cannot pause")), Exit::Failed);
    }
}
