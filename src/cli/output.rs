//! Writing to standard output, where a reader may leave early (`keyward events | head`).

use std::io::{ErrorKind, Write};

/// Nobody reads standard output any more; the program ends quietly.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct ReaderLeft;

/// Writes `text` to standard output at once, as it is.
///
/// # Errors
/// [`ReaderLeft`] when the reader has left, which `main` takes for a quiet end; otherwise what the system says.
pub fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderLeft.into()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
    }
}

/// Writes `text` and a line end to standard output at once.
///
/// # Errors
/// As [`write()`].
pub fn line(text: &str) -> anyhow::Result<()> {
    write(&format!("{text}\n"))
}
