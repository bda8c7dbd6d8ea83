//! The way back where something has happened meanwhile.

use std::fs;

use super::host::Host;

#[test]
fn a_file_that_was_edited_since_gets_its_urls_back_and_keeps_the_rest() {
    let host = Host::new();
    let before = host.text("nova.conf");
    host.switch(&[]).with(0);
    host.edit("nova.conf", "[DEFAULT]\n", "[DEFAULT]\n# added by hand\ndebug = true\n");
    host.edit("nova.conf", "username = cinder", "username = cinder2");
    let told = host.revert(&[]).with(0);
    assert!(
        told.contains("nova.conf: was edited since the switch, so only the URLs were turned back (7 URLs)"),
        "{told}"
    );
    let wanted = before.replace("[DEFAULT]\n", "[DEFAULT]\n# added by hand\ndebug = true\n");
    assert_eq!(host.text("nova.conf"), wanted.replace("username = cinder", "username = cinder2"));
    let mut others = host.files();
    others.remove("nova.conf");
    let mut wanted = Host::new().files();
    wanted.remove("nova.conf");
    assert_eq!(others, wanted, "the others are exact");
    // what was there is kept, with the edits of the people
    assert!(host.copies().values().any(|text| String::from_utf8_lossy(text).contains("# added by hand")));
}

#[test]
fn what_somebody_else_has_changed_stays_and_is_named() {
    let host = Host::new();
    host.switch(&[]).with(0);
    host.edit("heat.conf", "auth_uri = http://10.13.131.137:5000/v3", "auth_uri = http://third.example:5000/v3");
    host.edit("neutron.conf", "auth_url = http://10.13.131.137:5000\nregion_name", "region_name");
    host.edit("cinder.conf", "encryptionauthurl = http://10.13.131.137", "encryptionauthurl = http://10.13.32.19");
    fs::remove_file(host.etc("glance-api.conf")).unwrap();
    let told = host.revert(&[]).with(3);
    assert!(
        told.contains("heat.conf: [ec2authtoken] auth_uri was changed by somebody else since the switch"),
        "{told}"
    );
    assert!(told.contains("neutron.conf: [nova] auth_url is not there any more"), "{told}");
    assert!(told.contains("glance-api.conf: is gone; as it was before the switch: "), "{told}");
    assert!(host.text("heat.conf").contains("auth_uri = http://third.example:5000/v3\n"));
    assert_eq!(host.text("cinder.conf"), Host::new().text("cinder.conf"));
    assert!(host.revert(&[]).with(0).starts_with("nothing to undo"));
}

#[test]
fn a_url_that_comes_up_while_a_switch_stands_is_switched_too_and_undone_with_the_rest() {
    let host = Host::new();
    host.switch(&[]).with(0);
    // a package brings its file anew, and somebody adds a section to another
    fs::copy(Host::new().etc("heat.conf"), host.etc("heat.conf")).unwrap();
    let added = "\n[ironic]\nauth_url = http://10.13.32.19:5000/v3\n";
    fs::write(host.etc("nova.conf"), host.text("nova.conf") + added).unwrap();
    let told = host.switch(&[]).with(0);
    assert!(told.contains("heat.conf: 5 URLs switched"), "{told}");
    assert!(told.contains("nova.conf: 1 URL switched"), "{told}");
    host.revert(&[]).with(0);
    let mut wanted = Host::new().files();
    wanted.get_mut("nova.conf").unwrap().extend_from_slice(added.as_bytes());
    assert_eq!(host.files(), wanted);
}

#[test]
fn a_unit_that_is_gone_does_not_stand_in_the_way_home() {
    let host = Host::new();
    host.switch(&["--restart", "nova-api.service", "--restart", "old.service"]).with(0);
    host.systemctl("case $* in show*old.service) echo not-found; exit ;; esac");
    let told = host.revert(&[]).with(0);
    assert!(told.contains("old.service: systemd does not know it any more, so it is not restarted"), "{told}");
    assert_eq!(host.calls(), ["try-restart nova-api.service old.service", "try-restart nova-api.service"]);
    assert_eq!(host.files(), Host::new().files());
}
