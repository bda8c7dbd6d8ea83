//! Reads now and then until when keyward's own certificates are valid: their files may be replaced while it runs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::config::Settings;
use crate::report::{Metrics, certificates};

/// How often.
const EVERY: Duration = Duration::from_secs(60);

/// Goes on until `shutdown` is done. A disk that hangs holds up nothing but this.
pub async fn watch(settings: Settings, metrics: Arc<Metrics>, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let settings = Arc::new(settings);
    loop {
        let read = Arc::clone(&settings);
        if let Ok(ends) = spawn_blocking(move || certificates::of_files(&read)).await {
            metrics.certificates_read(ends);
        }
        if timeout(EVERY, &mut shutdown).await.is_ok() {
            return;
        }
    }
}
