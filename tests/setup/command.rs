//! `keyward setup` as the command line calls it.

use keyward::cli::args::Setup;
use keyward::cli::exit::Exit;
use keyward::cli::setup::run;

use crate::harness::Pair;

fn end(pair: &Pair, options: &Setup) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&pair.settings, options)).unwrap_or_else(|error| Exit::of(&error))
}

#[test]
fn options_lead_to_the_end_that_the_exit_code_is_made_from() {
    let pair = Pair::plain();
    let options = Setup::default;
    let socket = |server: &crate::harness::Server| Some(server.socket().display().to_string());
    for wrong in [
        Setup { region: Some("RegionNine".parse().unwrap()), ..options() },
        Setup { master_admin: Some("host:3306".into()), ..options() },
    ] {
        assert_eq!(end(&pair, &wrong), Exit::BadInput, "{wrong:?}");
    }
    assert_eq!(end(&pair, &Setup { print_sql: Some(keyward::cli::args::Kind::Mariadb), ..options() }), Exit::Done);
    assert_eq!(end(&pair, &options()), Exit::Failed, "there are no accounts yet");
    let with_admins = Setup {
        region: Some("RegionTwo/r2-db1".parse().unwrap()),
        master_admin: socket(&pair.master),
        replica_admin: socket(&pair.replica),
        ..options()
    };
    assert_eq!(end(&pair, &Setup { dry_run: true, ..with_admins.clone() }), Exit::Done);
    assert_eq!(pair.replica.sql("SHOW DATABASES LIKE 'key%'"), "");
    assert_eq!(end(&pair, &with_admins), Exit::Done);
    assert_eq!(end(&pair, &Setup { region: Some("RegionTwo".parse().unwrap()), ..options() }), Exit::Done);
}

#[test]
fn a_server_that_reads_no_backslashes_is_written_to_all_the_same() {
    let pair = Pair::plain();
    for server in [&pair.master, &pair.replica] {
        server.sql("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'; SET GLOBAL wait_timeout = 1");
    }
    assert!(crate::harness::is_done(&pair.set_up(&pair.admins())));
    pair.catch_up();
    crate::exact::assert_equal(&pair);
}
