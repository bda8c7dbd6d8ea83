//! The way out: what is switched, what is kept, and what is refused.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use rustix::fs::{FlockOperation, XattrFlags, flock, getxattr, setxattr};

use super::host::{Host, LOCAL, REMOTE, switched};

#[test]
fn every_url_of_realistic_files_turns_and_comes_back_byte_for_byte() {
    let host = Host::new();
    let before = host.files();
    let after = switched(&before);
    assert!(
        before.len() == 9 && before.iter().all(|(name, text)| after[name] != *text),
        "a file has nothing to switch"
    );

    let shown = host.switch(&["--dry-run"]).with(0);
    assert_eq!(host.all(), before, "a dry run has written something");
    assert!(!host.at("state").exists());
    assert!(
        shown.contains("@@ -48 +48 @@ [keystone_authtoken]\n-www_authenticate_uri = http://10.13.32.19:5000\n"),
        "{shown}"
    );
    assert!(shown.contains("\n+OPENSTACK_HOST = \"10.13.131.137\"\n"), "{shown}");
    assert!(shown.ends_with("would switch 30 URLs in 9 of 9 files from 10.13.32.19 to 10.13.131.137\n"), "{shown}");
    let told = host.switch(&[]).with(0);
    assert_eq!(host.files(), after);
    assert!(told.contains("nova.conf: 7 URLs switched; as it was: "), "{told}");
    let copies = host.copies();
    assert_eq!(
        copies.values().collect::<Vec<_>>(),
        before.values().collect::<Vec<_>>(),
        "the copies, in the same order"
    );
    for name in host.all().keys() {
        assert_eq!(fs::metadata(host.etc(name)).unwrap().mode() & 0o7777, 0o640, "{name}");
    }

    let again = host.switch(&[]).with(0);
    assert_eq!(again, "nothing to do: 30 URLs in 9 files point at --to already\n");
    assert_eq!((host.files(), host.copies()), (after, copies.clone()));

    let shown = host.revert(&["--dry-run"]).with(0);
    assert!(shown.contains("\n-OPENSTACK_HOST = \"10.13.131.137\"\n+OPENSTACK_HOST = \"10.13.32.19\"\n"), "{shown}");
    let told = host.revert(&[]).with(0);
    assert!(told.contains("heat.conf: as it was before the switch, byte for byte"), "{told}");
    assert_eq!((host.files(), host.copies()), (before, copies));
    assert!(host.revert(&[]).with(0).starts_with("nothing to undo: no switch is on record in "));
}

#[test]
fn no_secret_is_shown() {
    let host = Host::new();
    host.edit("heat.conf", "http://10.13.32.19", "http://joe:t0psecret@10.13.32.19");
    let mut told = host.switch(&["--dry-run"]).with(0);
    told += &host.switch(&["-v"]).with(0);
    host.edit("heat.conf", "http://joe:t0psecret@10.13.131.137", "http://joe:t0psecret@elsewhere");
    told += &host.revert(&[]).with(3);
    host.edit("heat.conf", "auth_url = http", "auth_url = http:");
    told += &host.switch(&["-v"]).with(1);
    assert!(told.contains("http://***@10.13.131.137") && told.contains("http://***@elsewhere"), "{told}");
    for secret in ["secret", "s3cret", "_PASS", "RABBIT", "ecret@", "vn!", "SWIFT_KEY", "trailing"] {
        assert!(!told.contains(secret), "{secret} is in: {told}");
    }
}

#[test]
fn several_addresses_turn_in_one_run_and_each_by_its_own_rule() {
    let host = Host::new();
    let pairs = [
        ["--from", "http://10.13.32.19:5000", "--to", "https://keystone.two.example"],
        ["--from", "http://10.13.32.19:35357/", "--to", "https://keystone.two.example/admin"],
    ];
    let words = [&pairs.concat()[..], &["nova.conf", "glance-api.conf"]].concat();
    host.call(&[], &words).with(0);
    let nova = host.text("nova.conf");
    for line in [
        "auth_url = https://keystone.two.example/v3\n",
        "auth_url: https://keystone.two.example/admin\n",
        "auth_url = \"https://keystone.two.example/v3\"\n",
        "www_authenticate_uri = https://keystone.two.example\n",
        "# an old one: neutron_admin_auth_url = http://10.13.32.19:35357/v2.0\n",
    ] {
        assert!(nova.contains(line), "{line}: {nova}");
    }
    assert!(host.text("glance-api.conf").contains("swift_store_auth_address = https://keystone.two.example/v3/\n"));
    host.revert(&[]).with(0);
    assert_eq!(host.files(), Host::new().files());

    // the same port for all of them, where it stands in the file
    host.call(&[], &["--from", "10.13.32.19:35357", "--to", "two:5000", "api-paste.ini"]).with(0);
    let text = host.text("api-paste.ini");
    assert!(text.contains("auth_host = two\nauth_port = 5000\nauth_protocol = http\n"), "{text}");
}

#[test]
fn files_that_point_elsewhere_are_refused_as_a_whole_and_named() {
    let host = Host::new();
    host.edit("cinder.conf", "encryptionauthurl = http://10.13.32.19", "encryptionauthurl = http://localhost");
    host.edit("heat.conf", "http://10.13.32.19:5000/v3", "http://$my_ip:5000/v3");
    let before = host.all();
    let said = host.switch(&[]);
    assert!(said.out.is_empty(), "{said:?}");
    let told = said.with(1);
    let cinder = "cinder.conf: line 12: [keymgr] encryptionauthurl points at http://localhost:5000/v3\n";
    assert!(told.contains(cinder), "{told}");
    assert!(told.contains("heat.conf: line 10: [ec2authtoken] auth_uri is no plain URL\n"), "{told}");
    assert!(told.contains("nothing was changed"), "{told}");
    assert_eq!((host.all(), host.at("state").exists()), (before, false));

    let told = host.switch(&["--leave-others"]).with(0);
    assert!(told.contains("left as it is: line 12: [keymgr] encryptionauthurl"), "{told}");
    assert!(host.text("cinder.conf").contains("encryptionauthurl = http://localhost:5000/v3\n"));
    assert!(host.text("cinder.conf").contains("auth_endpoint = http://10.13.131.137:5000/v3\n"));
    assert!(host.switch(&[]).code == Some(1) && host.switch(&["--leave-others"]).code == Some(0));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_changes() {
    let host = Host::new();
    let before = host.all();
    for (words, code, why) in [
        (&["--from", REMOTE, "--to", LOCAL, "nova.conf", "none.conf"][..], 1, "none.conf: there is no such file"),
        (&["--from", REMOTE, "--to", LOCAL, "*.toml"], 1, "*.toml: there is no such file"),
        (&["--from", "10.13.32.1", "--to", LOCAL, "--leave-others", "nova.conf"], 1, "none of the authentication URLs"),
        (&["--from", REMOTE, "--to", REMOTE, "nova.conf"], 2, "a URL could point at"),
        (&["--from", REMOTE, "--to", "10.13.131.137:5000", "nova.conf"], 2, "not said in the same way"),
        (&["--from", "10.13.32.19/v3", "--to", LOCAL, "nova.conf"], 2, "write it as HOST"),
        (&["--from", REMOTE, "nova.conf"], 2, "--to"),
        (&["--revert", "nova.conf"], 2, "cannot be used with"),
        (&["--from", REMOTE, "--to", LOCAL, "."], 1, "is no regular file"),
        (
            &["--from", REMOTE, "--to", LOCAL, "--restart", "unknown.service", "nova.conf"],
            1,
            "knows no unit unknown.service",
        ),
        (&["--from", REMOTE, "--to", LOCAL, "--restart", "a/b", "nova.conf"], 1, "is no name of a unit"),
    ] {
        let told = host.call(&[], words).with(code);
        assert!(told.contains(why), "{words:?}: {told}");
        assert_eq!((host.all(), host.calls()), (before.clone(), vec![]), "{words:?}");
    }
    // a folder to which somebody else could write the record, or one in use
    fs::create_dir(host.at("state")).unwrap();
    fs::set_permissions(host.at("state"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(host.switch(&[]).with(1).contains("nobody else can write to"));
    assert!(host.switch(&["--dry-run"]).with(1).contains("nobody else can write to"), "a test must find it too");
    fs::set_permissions(host.at("state"), fs::Permissions::from_mode(0o700)).unwrap();
    let lock = File::create(host.at("state/lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    assert!(host.switch(&[]).with(1).contains("another switch-auth is at work"));
    assert_eq!(host.all(), before);
}

#[test]
fn another_switch_is_refused_while_one_stands() {
    let host = Host::new();
    host.switch(&[]).with(0);
    let after = host.all();
    let told = host.call(&[], &["--from", LOCAL, "--to", REMOTE, "*.conf"]).with(1);
    assert!(told.contains("a switch from 10.13.32.19 to 10.13.131.137 stands since 2"), "{told}");
    assert_eq!(host.all(), after);
    host.revert(&[]).with(0);
    host.call(&[], &["--from", REMOTE, "--to", "other.example", "nova.conf"]).with(0);
}

#[test]
fn owner_mode_attributes_and_links_stay_and_hard_links_are_told() {
    let host = Host::new();
    let nova = host.etc("nova.conf");
    fs::rename(&nova, host.at("real.conf")).unwrap();
    symlink("../real.conf", &nova).unwrap();
    let real = host.at("real.conf");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o604)).unwrap();
    // only root gives files away
    let root = rustix::process::geteuid().is_root();
    if root {
        chown(&real, Some(4242), Some(4343)).unwrap();
    }
    let attributes = setxattr(&real, "user.keyward", b"kept", XattrFlags::empty()).is_ok();
    fs::hard_link(host.etc("heat.conf"), host.at("heat.again")).unwrap();

    let told = host.switch(&[]).with(0);
    assert!(told.contains("heat.conf: has 2 names (hard links): the others keep the old text"), "{told}");
    assert!(fs::symlink_metadata(&nova).unwrap().is_symlink());
    let copy = fs::read_dir(host.at("")).unwrap().map(|entry| entry.unwrap().path());
    let copy = copy.into_iter().find(|path| path.to_str().unwrap().contains("real.conf.keyward-")).unwrap();
    for path in [&real, &copy] {
        let metadata = fs::metadata(path).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o604);
        assert!(!root || (metadata.uid(), metadata.gid()) == (4242, 4343));
        let mut value = [0; 16];
        let kept = getxattr(path, "user.keyward", &mut value[..]);
        assert!(!attributes || kept == Ok(4), "{kept:?}");
    }
    assert!(fs::read_to_string(&real).unwrap().contains("auth_url=http://10.13.131.137:5000\n"));
    host.revert(&[]).with(0);
    assert!(fs::symlink_metadata(&nova).unwrap().is_symlink());
    assert_eq!(host.files(), Host::new().files());
}

#[test]
fn units_are_restarted_until_it_has_succeeded_and_only_for_a_change() {
    let host = Host::new();
    let units = ["--restart", "nova-api.service", "--restart", "neutron-server.service"];
    host.systemctl("case $1 in try-restart) exit 5 ;; esac");
    let told = host.switch(&units).with(1);
    assert!(told.contains("systemctl try-restart nova-api.service neutron-server.service: exit status: 5"), "{told}");
    assert_eq!(host.files(), switched(&Host::new().files()), "the files are switched all the same");
    // no file is left to be written, and yet the units have not read them
    host.systemctl("case $* in is-failed*nova*) exit 0 ;; esac");
    let told = host.switch(&units).with(1);
    assert!(told.contains("nova-api.service has failed: see journalctl -u nova-api.service"), "{told}");
    host.systemctl("");
    host.switch(&units).with(0);
    host.switch(&units).with(0);
    let all = "try-restart nova-api.service neutron-server.service";
    assert_eq!(host.calls(), [all, "try-restart neutron-server.service", "restart nova-api.service", all]);
    // the way back remembers them
    assert!(host.revert(&[]).with(0).ends_with("restarted nova-api.service, neutron-server.service\n"));
    assert_eq!(host.calls().len(), 5);
    host.revert(&[]).with(0);
    assert_eq!(host.calls().len(), 5);
}

#[test]
fn old_copies_are_thinned_out() {
    let host = Host::new();
    for day in 10..25 {
        fs::write(host.etc(&format!("nova.conf.keyward-202501{day}T000000Z")), "old").unwrap();
    }
    host.switch(&[]).with(0);
    let copies: Vec<String> = host.copies().into_keys().filter(|name| name.starts_with("nova")).collect();
    assert_eq!((copies.len(), copies[0].as_str()), (10, "nova.conf.keyward-20250116T000000Z"));
}
