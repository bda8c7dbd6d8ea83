//! Work that blocks for a moment, done beside the runtime's own thread.

use std::io;

/// Runs something that blocks for a moment away from the thread that keeps looking.
///
/// # Errors
/// What `work` says, or that the runtime is ending.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
