//! The page that people look checks up on, and the command line.

use std::path::Path;
use std::process::Command;

use keyward::doctor::{checks, handbook};

#[test]
fn the_page_is_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == handbook::page(),
        "docs/doctor.md is not the catalogue: keyward doctor --catalogue > docs/doctor.md"
    );
    for check in checks() {
        assert!(page.contains(&format!("\n### {}\n", check.id)), "{}", check.id);
    }
}

#[test]
fn the_page_is_printed_without_settings() {
    let output = Command::new(env!("CARGO_BIN_EXE_keyward")).args(["doctor", "--catalogue"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), handbook::page());
}
