//! `keyward demo`: the main job told on two real MariaDB servers, with this very program as its hero.
//!
//! It only does what an operator could do: it runs `keyward setup` and `keyward run` as programs of their own and reads
//! the status over HTTP. It asserts by what the servers say, and by the clock only where a step never ends.

mod hero;
mod reader;
mod stage;
mod story;
mod teller;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;
use teller::Teller;

/// Tells the story. Unless `once`, everything stays up afterwards until Ctrl-C. Nothing is left behind.
///
/// # Errors
/// The step that did not hold and why, or the signal that ended the story.
pub async fn run(once: bool) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! {
        told = tell(once) => told,
        _ = interrupted.recv() => bail!("interrupted before the end of the story; everything is removed"),
        _ = terminated.recv() => bail!("terminated before the end of the story; everything is removed"),
    }
}

async fn tell(once: bool) -> anyhow::Result<()> {
    let mut teller = Teller::new();
    let mut stage = Stage::set(&mut teller).await?;
    if let Err(error) = story::tell(&mut stage, &mut teller).await {
        let log = stage.log_tail();
        if !log.is_empty() {
            teller.quote("the end of keyward's log:", &log);
        }
        return Err(error);
    }
    if once {
        return Ok(());
    }
    stage.show_the_way(&teller);
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}
