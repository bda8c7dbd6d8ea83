//! `keyward verify` as the command line calls it.

use keyward::cli::args::Verify;
use keyward::cli::exit::Exit;
use keyward::cli::verify::run;

use crate::stage::Stage;

async fn end(stage: &Stage, region: Option<&str>) -> Exit {
    let asked = Verify { region: region.map(|name| name.parse().unwrap()) };
    run(&stage.settings, &asked).await.unwrap_or_else(|error| Exit::of(&error))
}

#[tokio::test]
async fn the_exit_code_tells_equal_from_different_from_failed() {
    let mut stage = Stage::mariadb("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1)").await;
    assert_eq!(end(&stage, None).await, Exit::Done);
    assert_eq!(end(&stage, Some("RegionTwo/r2-db1")).await, Exit::Done);
    assert_eq!(end(&stage, Some("RegionNine")).await, Exit::BadInput);
    stage.damage("UPDATE t SET a = 2").await;
    assert_eq!(end(&stage, Some("RegionTwo")).await, Exit::Degraded);
    stage.replica.stop().await.unwrap();
    assert_eq!(end(&stage, None).await, Exit::Failed);
}
