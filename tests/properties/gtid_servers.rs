//! The same ids in the hands of real servers: what these read, print, compare and subtract.

use std::cell::RefCell;
use std::collections::BTreeMap;

use keyward::lab::Kind;
use keyward::model::gtid::{mariadb, mysql};
use proptest::prelude::*;

use crate::asked::{Asked, hold};
use crate::{gtid_mariadb, gtid_mysql};

/// Servers put each member on a line of its own.
fn one_line(text: &str) -> String {
    text.replace('\n', "")
}

#[test]
fn mysql_prints_compares_and_subtracts_sets_as_keyward_does() {
    let Some(server) = Asked::of(Kind::MySql97) else { return };
    hold(500, (gtid_mysql::written(), gtid_mysql::written()), |(a, b)| {
        let (one, other) = (mysql::parse(&a.text).unwrap(), mysql::parse(&b.text).unwrap());
        let asked = format!(
            "SELECT GTID_SUBTRACT('{0}', ''), GTID_SUBTRACT('{0}', '{1}'), GTID_SUBSET('{1}', '{0}'),
             GTID_SUBTRACT('{0},{1}', '')",
            a.text, b.text
        );
        let said: Vec<String> = server.ask(&asked).unwrap().iter().map(|cell| one_line(cell)).collect();
        let contains = if one.contains(&other) { "1" } else { "0" };
        let ours =
            [one.to_string(), one.subtract(&other).to_string(), contains.to_owned(), one.union(&other).to_string()];
        prop_assert_eq!(&said[..], &ours[..]);
        prop_assert_eq!(&ours[0], &gtid_mysql::printed(&a.holds));
        Ok(())
    });
}

#[test]
fn whatever_keyward_reads_as_a_set_mysql_reads_in_the_same_way() {
    let Some(server) = Asked::of(Kind::MySql97) else { return };
    let uuid = "017130c5-e614-11f1-bab9-02fc00000001";
    let near = prop_oneof![
        r"(:[1-9]{1,2}(-[5-9][0-9])?|:_?[a-c]{1,2}:[1-9])+".prop_map(move |text| format!("{uuid}{text}")),
        "[-0-9:, +ax_]{0,14}".prop_map(move |text| format!("{uuid}:{text}")),
        r"(:[0-9]{1,2}(-[0-9]{1,2})?|:[a-c_]{1,2}|[\u{a0}\u{2003} \t])*".prop_map(move |text| format!("{uuid}{text}")),
        "[-0-9a-f:{}]{30,40}".prop_map(String::from),
    ];
    let (read, refused) = (RefCell::new(0), RefCell::new(0));
    hold(1_000, near, |text| {
        let said = server.ask(&format!("SELECT GTID_SUBTRACT('{text}', '')"));
        match mysql::parse(&text) {
            Ok(set) => {
                *read.borrow_mut() += 1;
                prop_assert_eq!(said.map(|cells| one_line(&cells[0])), Ok(set.to_string()));
            }
            Err(_) => *refused.borrow_mut() += 1,
        }
        Ok(())
    });
    assert!(*read.borrow() > 150 && *refused.borrow() > 150, "{read:?} {refused:?}");
}

fn mariadb_reads_positions_as_keyward_does(kind: Kind) {
    let Some(server) = Asked::of(kind) else { return };
    hold(200, gtid_mariadb::ids(), |ids| {
        let text = gtid_mariadb::written(&ids);
        let set = format!("SET GLOBAL gtid_slave_pos = '{text}'");
        let said = server.ask_all(["SET GLOBAL gtid_slave_pos = ''", &set, "SELECT @@gtid_slave_pos"]);
        let positions = mariadb::parse(&text).unwrap();
        match said {
            Ok(said) => {
                prop_assert_eq!(mariadb::parse(&said[0]), Ok(positions));
                prop_assert_eq!(&said[0], &mariadb::text(&mariadb::parse_state(&text).unwrap()));
            }
            // a position has one transaction a domain
            Err(said) => prop_assert!(positions.len() < ids.len() && said.contains("1943"), "{}", said),
        }
        Ok(())
    });
    // setting a state takes MariaDB 10.11 seconds at times: a few long ones
    hold(5, prop::collection::vec(gtid_mariadb::id(), 12..24), |ids| {
        let text = gtid_mariadb::written(&ids);
        let set = format!("SET GLOBAL gtid_binlog_state = '{text}'");
        let said = server.ask_all(["RESET MASTER", &set, "SELECT @@gtid_binlog_state, @@gtid_binlog_pos"]).unwrap();
        // of two numbers of one server it keeps the one that it was told last, which no server prints
        let told = ids.iter().map(|(domain, server, number)| ((*domain, *server), *number)).collect();
        prop_assert_eq!(mariadb::parse_state(&said[0]), Ok(told));
        let last_told = ids.iter().map(|(domain, server, number)| (*domain, (*server, *number)));
        let last_told: BTreeMap<_, _> = last_told.collect();
        let position = last_told.into_iter().map(|(domain, (server, number))| (domain, server, number));
        prop_assert_eq!(&said[1], &gtid_mariadb::written(&position.collect::<Vec<_>>()));
        Ok(())
    });
}

#[test]
fn mariadb_10_11_reads_positions_as_keyward_does() {
    mariadb_reads_positions_as_keyward_does(Kind::MariaDb1011);
}

#[test]
fn mariadb_11_8_reads_positions_as_keyward_does() {
    mariadb_reads_positions_as_keyward_does(Kind::MariaDb118);
}
