//! `keyward setup` as the command line calls it.

use keyward::cli::setup::{SetupEnd, SetupOptions, run};

use crate::harness::Pair;

fn end(pair: &Pair, options: &SetupOptions) -> SetupEnd {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&pair.settings, options))
}

#[test]
fn options_lead_to_the_end_that_the_exit_code_is_made_from() {
    let pair = Pair::plain();
    let options = SetupOptions::default;
    let socket = |server: &crate::harness::Server| Some(server.socket().display().to_string());
    for wrong in [
        SetupOptions { replace_data: true, ..options() },
        SetupOptions { reseed: true, ..options() },
        SetupOptions { region: Some("RegionNine".into()), ..options() },
        SetupOptions { master_admin: Some("host:3306".into()), ..options() },
    ] {
        assert_eq!(end(&pair, &wrong), SetupEnd::BadOptions, "{wrong:?}");
    }
    assert_eq!(end(&pair, &SetupOptions { print_sql: true, ..options() }), SetupEnd::Done);
    assert_eq!(end(&pair, &options()), SetupEnd::Failed, "there are no accounts yet");
    let with_admins = SetupOptions {
        region: Some("RegionTwo/r2-db1".into()),
        master_admin: socket(&pair.master),
        replica_admin: socket(&pair.replica),
        ..options()
    };
    assert_eq!(end(&pair, &SetupOptions { dry_run: true, ..with_admins.clone() }), SetupEnd::Done);
    assert_eq!(pair.replica.sql("SHOW DATABASES LIKE 'key%'"), "");
    assert_eq!(end(&pair, &with_admins), SetupEnd::Done);
    assert_eq!(end(&pair, &SetupOptions { region: Some("RegionTwo".into()), ..options() }), SetupEnd::Done);
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
