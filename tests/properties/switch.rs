//! `switch-auth` on any text: nothing but URLs changes, the way back is exact, and a second time there is nothing to do.

use keyward::switch::address::{Address, Turns};
use keyward::switch::edit::{apply, turned_around, undo, undo_by_name};
use keyward::switch::plan::plan;
use keyward::switch::{Kind, entries};
use proptest::prelude::*;

use super::tries;

const KEYS: [&str; 8] = [
    "auth_url",
    "www_authenticate_uri",
    "encryptionauthurl",
    "auth_host",
    "auth_port",
    "password",
    "connection",
    "OPENSTACK_KEYSTONE_URL",
];

const VALUES: [&str; 14] = [
    "http://one:5000/v3",
    "http://one",
    "https://one:35357/identity/",
    "http://u:p%40w@ONE:5000",
    "one",
    "http://two:5000/v3",
    "http://three:5000",
    "http://one:5000 # why",
    "mysql://a:b%c$d@one/x",
    "http://$one/v3",
    "\"http://one:5000/v3\"",
    "'http://one/'",
    "",
    "http://one:5000,http://one:5001",
];

/// Lines as they stand in such files, and as they do not, in bytes that need not be text.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let option = (0..KEYS.len(), prop_oneof!["=", " = ", ": ", " =\n\t"], 0..VALUES.len(), prop_oneof!["", " ", "\t"]);
    let option =
        option.prop_map(|(key, sign, value, end)| format!("{}{sign}{}{end}", KEYS[key], VALUES[value]).into_bytes());
    let junk = proptest::collection::vec(any::<u8>(), 0..40);
    let other = prop_oneof![
        "\\[(DEFAULT|keystone_authtoken|x)\\]",
        "#auth_url = http://one",
        " auth_url = http://one",
        "",
        "OPENSTACK_HOST = \"one\""
    ];
    prop_oneof![6 => option, 1 => junk, 3 => other.prop_map(String::into_bytes)]
}

/// A file with either kind of line ends, mixed, and with or without one at its end.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let ended = (line(), prop_oneof![3 => Just("\n"), 1 => Just("\r\n")]);
    (proptest::collection::vec(ended, 0..25), any::<bool>()).prop_map(|(lines, last)| {
        let mut text: Vec<u8> = lines.into_iter().flat_map(|(line, end)| [line, end.into()].concat()).collect();
        if last {
            text.pop();
        }
        text
    })
}

fn addresses() -> impl Strategy<Value = Turns> {
    let pairs = [
        ("one", "two"),
        ("one:5000", "two:6000"),
        ("http://one:5000", "https://two"),
        ("http://one", "http://two:81/x"),
    ];
    (0..pairs.len()).prop_map(move |at| {
        let read = |text: &str| text.parse::<Address>().unwrap();
        Turns::new(&[read(pairs[at].0)], &[read(pairs[at].1)]).unwrap()
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![3 => Just(Kind::Ini), 1 => Just(Kind::Python)]
}

proptest! {
    #![proptest_config(tries(1000))]

    #[test]
    fn nothing_but_urls_changes_and_the_way_back_is_exact(text in file(), turns in addresses(), kind in kind()) {
        let planned = plan(&text, kind, &turns);
        let new = apply(&text, &planned.edits);
        // cut the edited places out of both: what is left is equal, byte for byte
        let backs = turned_around(&planned.edits);
        let (mut old_rest, mut new_rest) = (text.clone(), new.clone());
        for (edit, back) in planned.edits.iter().zip(&backs).rev() {
            let cut = old_rest.splice(edit.at..edit.at + edit.before.len(), []).collect::<Vec<u8>>();
            prop_assert_eq!(cut, edit.before.as_bytes());
            let cut = new_rest.splice(back.at..back.at + edit.after.len(), []).collect::<Vec<u8>>();
            prop_assert_eq!(cut, edit.after.as_bytes());
            // and these places are values of URLs, which name the host that is replaced
            prop_assert!(edit.before.to_lowercase().contains("one"), "{edit:?}");
            prop_assert!(!["password", "connection"].contains(&edit.key.as_str()), "{edit:?}");
        }
        prop_assert_eq!(old_rest, new_rest);

        prop_assert_eq!(undo(&new, &planned.edits), Some(text.clone()));
        prop_assert_eq!(apply(&new, &backs), text.clone());

        let again = plan(&new, kind, &turns);
        prop_assert!(again.edits.is_empty() && again.from == 0, "{again:?}");
        prop_assert_eq!((again.to, again.others.len()), (planned.from + planned.to, planned.others.len()));
        prop_assert_eq!(entries(&new, kind).len(), entries(&text, kind).len());
    }

    #[test]
    fn found_again_by_name_every_url_comes_back_in_a_file_that_grew(
        text in file(), before in "[a-z =:]{0,30}", turns in addresses(), kind in kind()
    ) {
        let planned = plan(&text, kind, &turns);
        let grown = |text: &[u8]| [b"# ", before.as_bytes(), b"\n", text].concat();
        let new = grown(&apply(&text, &planned.edits));
        let (backs, told) = undo_by_name(&new, kind, &planned.edits);
        prop_assert_eq!(told.len(), planned.edits.len());
        let plain = |edits: &[keyward::switch::plan::Edit]| {
            let mut names: Vec<_> = edits.iter().map(|one| (one.section.clone(), one.key.clone())).collect();
            names.sort();
            names
        };
        let turned = plan(&apply(&new, &backs), kind, &turns);
        prop_assert_eq!(plain(&turned.edits), plain(&planned.edits), "{:?}", told);
    }

    #[test]
    fn any_bytes_are_read_without_harm(text in proptest::collection::vec(any::<u8>(), 0..200), kind in kind(), turns in addresses()) {
        let planned = plan(&text, kind, &turns);
        prop_assert_eq!(undo(&apply(&text, &planned.edits), &planned.edits), Some(text.clone()));
        undo(&text, &planned.edits);
        undo_by_name(&text, kind, &planned.edits);
    }
}
