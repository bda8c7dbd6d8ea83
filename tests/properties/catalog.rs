//! Joining catalogues: whatever two clouds hold, nothing of the master's is lost, nothing dangles, and a second run has
//! nothing to do.

use std::collections::BTreeSet;

use keyward::model::RegionName;
use keyward::model::catalog::{Catalog, Endpoint, Region, Service};
use keyward::plan::catalog::{Asked, Merge, Step, plan};
use proptest::prelude::*;
use proptest::sample::select;

const HOME: &str = "RegionOne";

/// Few values, so that ids, names and addresses of both clouds meet.
fn region_name() -> impl Strategy<Value = &'static str> {
    select(vec![HOME, HOME, HOME, "RegionTwo", "regiontwo", "Edge"])
}

fn service(id: usize, kinds: &[&'static str]) -> impl Strategy<Value = Service> + use<> {
    let kinds = select(kinds.to_vec());
    let extras = select(vec![Some(r#"{"name": "one"}"#), Some(r#"{"name": "two"}"#), Some("{}"), Some("odd"), None]);
    (kinds, extras, prop::bool::weighted(0.8)).prop_map(move |(kind, extra, enabled)| Service {
        id: format!("s{id}"),
        kind: Some(kind.into()),
        enabled,
        extra: extra.map(str::to_owned),
    })
}

/// `cloud` is in most addresses.
fn endpoint(cloud: &'static str, id: usize) -> impl Strategy<Value = Endpoint> {
    let interfaces = select(vec!["public", "internal", "admin"]);
    let urls = select(vec!["http://a:1", "http://b:1", "http://b:2/%(tenant_id)s", "http://localhost:5000/v3"]);
    let urls = prop::option::weighted(0.1, urls);
    (0..4_usize, interfaces, urls, prop::bool::weighted(0.8), prop::option::weighted(0.95, region_name())).prop_map(
        move |(service, interface, url, enabled, region)| Endpoint {
            id: format!("e{id}"),
            legacy_id: None,
            interface: interface.into(),
            service_id: format!("s{service}"),
            url: url.map_or_else(|| format!("http://{cloud}/{service}/{interface}"), str::to_owned),
            extra: None,
            enabled,
            region_id: region.map(str::to_owned),
        },
    )
}

/// A catalogue that a database would take: what is named is there.
fn catalog(cloud: &'static str) -> impl Strategy<Value = Catalog> {
    let others = ["compute", "volumev3", "image", "identity"];
    let services = (service(0, &["identity"]), service(1, &others), service(2, &others[..3]), service(3, &others[..3]));
    let endpoints = prop::collection::vec(any::<()>(), 0..9).prop_flat_map(move |all| {
        let rows: Vec<_> = (0..all.len()).map(|id| endpoint(cloud, id)).collect();
        rows
    });
    let parent = prop::option::weighted(0.1, Just("Edge".to_owned()));
    (services, endpoints, parent).prop_map(move |((a, b, c, d), mut endpoints, parent)| {
        if cloud == "a" {
            endpoints.push(Endpoint {
                id: "keystone".into(),
                legacy_id: None,
                interface: "public".into(),
                service_id: "s0".into(),
                url: "http://a/0/public".into(),
                extra: None,
                enabled: true,
                region_id: Some(HOME.into()),
            });
        }
        // a database takes both for one name
        if endpoints.iter().any(|row| row.region_id.as_deref() == Some("regiontwo")) {
            let second = endpoints.iter_mut().filter(|row| row.region_id.as_deref() == Some("RegionTwo"));
            second.for_each(|row| row.region_id = Some("regiontwo".into()));
        }
        let named: BTreeSet<String> = endpoints.iter().filter_map(|row: &Endpoint| row.region_id.clone()).collect();
        let region = |id: String| Region { id, description: String::new(), parent: parent.clone(), extra: None };
        let regions = named.into_iter().chain(parent.clone()).collect::<BTreeSet<_>>().into_iter().map(region);
        let mut catalog = Catalog { regions: regions.collect(), services: vec![a, b, c, d], endpoints };
        catalog.sort();
        catalog
    })
}

fn joined(ours: &Catalog, theirs: &Catalog, from: Option<&str>) -> Result<Merge, Vec<String>> {
    let (home, region) = (RegionName(HOME.into()), RegionName("RegionTwo".into()));
    plan(ours, theirs, Asked { home: &home, region: &region, from_region: from })
}

fn unique<'a>(ids: impl Iterator<Item = &'a String>) -> bool {
    let ids: Vec<String> = ids.map(|id| id.to_lowercase()).collect();
    ids.iter().collect::<BTreeSet<_>>().len() == ids.len()
}

proptest! {
    #![proptest_config(crate::tries(4_000))]

    #[test]
    fn joining_keeps_what_is_there_leaves_nothing_loose_and_is_done_once(
        ours in catalog("a"), theirs in catalog("b"), from in region_name()
    ) {
        let merge = match joined(&ours, &theirs, Some(from)) {
            Ok(merge) => merge,
            Err(why) => {
                prop_assert!(!why.is_empty() && why.iter().all(|why| !why.is_empty()));
                return Ok(());
            }
        };
        let after = merge.applied_to(&ours);
        // what may change is named as a step
        let pointed: BTreeSet<&str> = merge.steps.iter().filter_map(|step| match step {
            Step::PointIdentity { endpoint, .. } => Some(endpoint.id.as_str()),
            _ => None,
        }).collect();
        prop_assert!(ours.regions.iter().all(|row| after.regions.contains(row)));
        prop_assert!(ours.services.iter().all(|row| after.services.contains(row)));
        for row in &ours.endpoints {
            let there = after.endpoints.iter().find(|now| now.id == row.id).unwrap();
            prop_assert!(there == row || pointed.contains(row.id.as_str()), "{:?} became {:?}", row, there);
            prop_assert!(row.region_id.as_deref() == Some("RegionTwo") || there == row, "another region was touched");
        }
        prop_assert!(unique(after.regions.iter().map(|row| &row.id)));
        prop_assert!(unique(after.services.iter().map(|row| &row.id)));
        prop_assert!(unique(after.endpoints.iter().map(|row| &row.id)));
        for row in &after.endpoints {
            prop_assert!(after.service(&row.service_id).is_some());
            let region = row.region_id.as_ref();
            prop_assert!(region.is_none_or(|id| after.regions.iter().any(|region| region.id == *id)));
        }
        // everything that users of the second cloud see there is seen in the region, under the same type and name
        for row in theirs.endpoints_in(from).filter(|row| row.enabled) {
            let service = theirs.service(&row.service_id).unwrap();
            if service.kind() == "identity" || !service.enabled {
                continue;
            }
            let reached = after.endpoints_in("RegionTwo").any(|now| {
                let own = after.service(&now.service_id).unwrap();
                (own.kind(), own.name(), &now.url, &now.interface)
                    == (service.kind(), service.name(), &row.url, &row.interface)
            });
            prop_assert!(reached, "{row:?} is not in the region");
        }
        // and nobody is led to the second cloud's own Keystone
        let addresses: BTreeSet<(&str, &str)> = {
            let is_identity = |row: &&Endpoint| ours.service(&row.service_id).unwrap().kind() == "identity";
            ours.endpoints_in(HOME).filter(is_identity).map(|row| (row.interface.as_str(), row.url.as_str())).collect()
        };
        for step in &merge.steps {
            match step {
                Step::AddIdentity(row) => prop_assert!(addresses.contains(&(row.interface.as_str(), row.url.as_str()))),
                Step::PointIdentity { endpoint, to } => {
                    prop_assert!(addresses.contains(&(endpoint.interface.as_str(), to.as_str())));
                }
                Step::AddEndpoint { endpoint, .. } => {
                    prop_assert_ne!(after.service(&endpoint.service_id).unwrap().kind(), "identity");
                }
                _ => {}
            }
        }
        let again = joined(&after, &theirs, Some(from)).map(|merge| merge.steps);
        prop_assert_eq!(again, Ok(Vec::new()), "the second run");
        prop_assert_eq!(merge.statements("k").len(), merge.undo("k").len());
    }
}

#[test]
fn the_catalogues_are_joined_often_enough_to_mean_something() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut done, mut refused) = (0, 0);
    for _ in 0..2_000 {
        let (ours, theirs, from) = (catalog("a"), catalog("b"), region_name()).new_tree(&mut runner).unwrap().current();
        match joined(&ours, &theirs, Some(from)) {
            Ok(merge) if !merge.steps.is_empty() => done += 1,
            Ok(_) => {}
            Err(_) => refused += 1,
        }
    }
    println!("{done} joined, {refused} refused");
    assert!(done > 100 && refused > 100, "{done} joined, {refused} refused");
}
