//! `keyward demo`: the main job told on two real MariaDB servers, with this very program as its hero.
//!
//! It only does what an operator could do: it runs `keyward setup` and `keyward run` as programs of their own and reads
//! the status over HTTP. It asserts by what the servers say, and by the clock only where a step never ends.

mod hero;
mod identity;
mod reader;
mod stage;
mod story;
mod teller;

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};

use stage::Stage;
use teller::Teller;

use crate::lab::identity::Release;

/// Tells the story, or with a release of Keystone the one of its clients. Unless `once`, everything stays up afterwards
/// until Ctrl-C. Nothing is left behind.
///
/// # Errors
/// The step that did not hold and why, or the signal that ended the story.
pub async fn run(once: bool, keystone: Option<Release>) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let tell = async {
        match keystone {
            None => tell(once).await,
            Some(release) => tell_of_clients(once, release).await,
        }
    };
    tokio::select! {
        told = tell => told,
        _ = interrupted.recv() => bail!("interrupted before the end of the story; everything is removed"),
        _ = terminated.recv() => bail!("terminated before the end of the story; everything is removed"),
    }
}

async fn tell(once: bool) -> anyhow::Result<()> {
    let mut teller = Teller::new();
    let mut stage = Stage::set(&mut teller).await?;
    let told = story::tell(&mut stage, &mut teller).await;
    with_log(told, &stage.log_tail(), &teller)?;
    if once {
        return Ok(());
    }
    stage.show_the_way(&teller);
    until_told_to_end().await
}

async fn tell_of_clients(once: bool, release: Release) -> anyhow::Result<()> {
    let mut teller = Teller::new();
    let mut stage = identity::Stage::set(&mut teller, release).await?;
    let told = identity::tell(&mut stage, &mut teller).await;
    with_log(told, &stage.hero.log_tail(), &teller)?;
    if once {
        return Ok(());
    }
    stage.show_the_way(&teller);
    until_told_to_end().await
}

/// A story that failed is followed by what the daemon said last.
fn with_log(told: anyhow::Result<()>, log: &str, teller: &Teller) -> anyhow::Result<()> {
    if told.is_err() && !log.is_empty() {
        teller.quote("the end of keyward's log:", log);
    }
    told
}

async fn until_told_to_end() -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}
