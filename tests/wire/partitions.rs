//! The network between the three hosts breaks, wholly or in part.

use keyward::model::Phase;

use super::hooks;
use super::settings::Wishes;
use super::world::World;

#[tokio::test]
async fn the_master_is_cut_off_from_everybody() {
    let Some(world) = World::healthy(Wishes::default()).await else { return };
    world.net.cut_master_off();
    world.daemon.until_phase(Phase::Local).await;
    world.net.heal();
    world.daemon.until_healthy().await;
    assert_eq!(hooks::starts(&world.daemon.folder), ["failover local-auth 1 1", "failback local-auth 2 1"]);
}
