//! `hooks/switch-auth`, as an `exec` hook and under the names that keyward-hook@.service runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::host::{Host, Said, switched};

/// The script installed with settings, as `name`, with what the daemon would tell it.
fn hook(host: &Host, name: &str, event: &str) -> Said {
    let folder = host.at("hooks");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks/switch-auth");
        fs::copy(script, folder.join("switch-auth")).unwrap();
        let etc = host.at("etc").display().to_string();
        let settings = format!(
            "REMOTE=10.13.32.19\nLOCAL=10.13.131.137\nFILES=\"{etc}/*.conf {etc}/*.ini {etc}/*.py\"\n\
             UNITS=\"nova-api.service heat-api.service\"\nSTATE={}\n",
            host.at("state").display()
        );
        fs::write(folder.join("switch-auth.conf"), settings).unwrap();
        for event in ["failover", "failback", "test"] {
            symlink("switch-auth", folder.join(format!("system-{event}"))).unwrap();
        }
    }
    let mut command = Command::new(folder.join(name));
    command.env_clear().env("PATH", host.path()).env("HOME", "/").env("LANG", "C.UTF-8").current_dir("/");
    if !event.is_empty() {
        command.env("KEYWARD_EVENT", event);
    }
    command.output().unwrap().into()
}

#[test]
fn the_shipped_hook_turns_out_and_back_and_may_come_again() {
    let host = Host::new();
    let before = host.files();
    for (out, back, test) in [
        (("switch-auth", "failover"), ("switch-auth", "failback"), ("switch-auth", "test")),
        (("system-failover", ""), ("system-failback", ""), ("system-test", "")),
    ] {
        let calls = host.calls().len();
        let shown = hook(&host, test.0, test.1).with(0);
        assert!(shown.contains("would switch 30 URLs") && host.files() == before, "{shown}");
        hook(&host, out.0, out.1).with(0);
        assert_eq!(host.files(), switched(&before));
        assert!(hook(&host, out.0, out.1).with(0).starts_with("nothing to do"));
        hook(&host, test.0, test.1).with(0);
        hook(&host, back.0, back.1).with(0);
        assert_eq!(host.files(), before);
        assert!(hook(&host, back.0, back.1).with(0).starts_with("nothing to undo"));
        assert_eq!(host.calls()[calls..], ["try-restart nova-api.service heat-api.service"; 2]);
    }
    assert_eq!(hook(&host, "switch-auth", "other").code, Some(64));
    fs::write(host.at("hooks/switch-auth.conf"), "REMOTE=a\n").unwrap();
    assert_eq!(hook(&host, "switch-auth", "failover").code, Some(78));
    assert_eq!(host.files(), before);
}
