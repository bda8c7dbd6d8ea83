//! The plan on small catalogues, case by case.

use super::*;

fn service(id: &str, kind: &str, name: &str) -> Service {
    let extra = Some(serde_json::json!({ "name": name }).to_string());
    Service { id: id.into(), kind: Some(kind.into()), enabled: true, extra }
}

fn endpoint(id: &str, service: &str, interface: &str, region: &str, url: &str) -> Endpoint {
    Endpoint {
        id: id.into(),
        legacy_id: None,
        interface: interface.into(),
        service_id: service.into(),
        url: url.into(),
        extra: Some("{}".into()),
        enabled: true,
        region_id: Some(region.into()),
    }
}

/// A cloud called RegionOne with Keystone and nova; `tag` is in its ids and addresses.
fn cloud(tag: &str) -> Catalog {
    let region = Region { id: "RegionOne".into(), description: String::new(), parent: None, extra: Some("{}".into()) };
    let (keystone, nova) = (format!("{tag}-keystone"), format!("{tag}-nova"));
    let mut catalog = Catalog {
        regions: vec![region],
        services: vec![service(&keystone, "identity", "keystone"), service(&nova, "compute", "nova")],
        endpoints: vec![],
    };
    for interface in ["admin", "internal", "public"] {
        let url = |port: &str| format!("http://{interface}.{tag}:{port}");
        catalog.endpoints.push(endpoint(
            &format!("{tag}-i-{interface}"),
            &keystone,
            interface,
            "RegionOne",
            &url("5000/v3"),
        ));
        catalog.endpoints.push(endpoint(&format!("{tag}-c-{interface}"), &nova, interface, "RegionOne", &url("8774")));
    }
    catalog.sort();
    catalog
}

fn joined(ours: &Catalog, theirs: &Catalog) -> Result<Merge, Vec<String>> {
    joined_as(ours, theirs, "RegionTwo", None)
}

fn joined_as(ours: &Catalog, theirs: &Catalog, region: &str, from: Option<&str>) -> Result<Merge, Vec<String>> {
    let (home, region) = (RegionName("RegionOne".into()), RegionName(region.into()));
    plan(ours, theirs, Asked { home: &home, region: &region, from_region: from })
}

fn refused(ours: &Catalog, theirs: &Catalog) -> String {
    joined(ours, theirs).expect_err("this must be refused").join("\n")
}

/// The plan's steps and notes, and that it leaves nothing to do.
fn told(ours: &Catalog, theirs: &Catalog) -> (Vec<String>, Vec<String>) {
    let merge = joined(ours, theirs).unwrap();
    let after = merge.applied_to(ours);
    let again = joined(&after, theirs).unwrap();
    assert_eq!(again.steps, [], "a second run has nothing to do");
    (merge.steps.iter().map(|step| step.sentence(&RegionName("RegionOne".into()))).collect(), merge.notes)
}

#[test]
fn a_second_cloud_joins_with_its_services_and_the_homes_identity() {
    let (ours, mut theirs) = (cloud("a"), cloud("b"));
    theirs.services.push(service("b-heat", "orchestration", "heat"));
    theirs.endpoints.push(endpoint("b-h", "b-heat", "public", "RegionOne", "http://heat.b:8004/v1/%(tenant_id)s"));
    let (steps, notes) = told(&ours, &theirs);
    assert_eq!(
        steps,
        [
            "Add the region RegionTwo.",
            "Add the admin endpoint of compute \"nova\": http://admin.b:8774.",
            "Add the internal endpoint of compute \"nova\": http://internal.b:8774.",
            "Add the public endpoint of compute \"nova\": http://public.b:8774.",
            "Add the service orchestration \"heat\", id b-heat.",
            "Add the public endpoint of orchestration \"heat\": http://heat.b:8004/v1/%(tenant_id)s.",
            "Add the admin identity endpoint, which leads to RegionOne: http://admin.a:5000/v3.",
            "Add the internal identity endpoint, which leads to RegionOne: http://internal.a:5000/v3.",
            "Add the public identity endpoint, which leads to RegionOne: http://public.a:5000/v3.",
        ]
    );
    assert_eq!(notes, Vec::<String>::new());
    let after = joined(&ours, &theirs).unwrap().applied_to(&ours);
    let nova = after.endpoints_in("RegionTwo").find(|row| row.id == "b-c-public").unwrap();
    assert_eq!(nova.service_id, "a-nova", "the endpoint leads to the master's service row");
    assert!(after.endpoints_in("RegionTwo").all(|row| !row.url.contains("b:5000")), "{after:?}");
}

#[test]
fn a_plan_is_its_statements_and_its_undo_in_reverse() {
    let (mut ours, theirs) = (cloud("a"), cloud("b"));
    ours.regions.push(Region { id: "RegionTwo".into(), description: "x".into(), parent: None, extra: None });
    ours.endpoints.push(endpoint("own", "a-keystone", "public", "RegionTwo", "http://public.b:5000/v3"));
    let merge = joined(&ours, &theirs).unwrap();
    let (statements, undo) = (merge.statements("keystone"), merge.undo("keystone"));
    assert_eq!(statements.len(), merge.steps.len());
    let point = "UPDATE `keystone`.endpoint SET url = 'http://public.a:5000/v3' WHERE id = 'own' AND url = \
                 'http://public.b:5000/v3'";
    assert_eq!(statements.last().unwrap(), point);
    assert_eq!(
        undo.first().unwrap(),
        "UPDATE `keystone`.endpoint SET url = 'http://public.b:5000/v3' WHERE id = 'own' AND url = \
         'http://public.a:5000/v3'"
    );
    assert!(undo.last().unwrap().starts_with("DELETE FROM `keystone`.endpoint WHERE id = 'b-c-admin'"), "{undo:?}");
}

#[test]
fn what_was_done_already_is_not_done_again() {
    let (ours, theirs) = (cloud("a"), cloud("b"));
    let after = joined(&ours, &theirs).unwrap().applied_to(&ours);
    assert_eq!(joined(&after, &theirs).unwrap(), Merge { from_region: "RegionOne".into(), ..Merge::default() });
    let mut half = after.clone();
    half.endpoints.retain(|row| row.id != "b-c-public" && row.id != "b-i-admin");
    let merge = joined(&half, &theirs).unwrap();
    assert_eq!(merge.steps.len(), 2);
    assert_eq!(merge.applied_to(&half), after);
}

#[test]
fn clouds_made_from_one_image_get_new_ids_for_what_is_taken() {
    let (ours, mut theirs) = (cloud("a"), cloud("a"));
    theirs.services.push(service("a-x", "placement", "placement"));
    let mut ours = ours;
    ours.services.push(service("A-X", "metric", "gnocchi"));
    for row in &mut theirs.endpoints {
        row.url = row.url.replace(".a:", ".b:");
    }
    theirs.endpoints.push(endpoint("p", "a-x", "public", "RegionOne", "http://p.b:8778"));
    let merge = joined(&ours, &theirs).unwrap();
    let after = merge.applied_to(&ours);
    let mut ids: Vec<String> = after.endpoints.iter().map(|row| row.id.to_lowercase()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), after.endpoints.len(), "{after:?}");
    let placement = after.services.iter().find(|row| row.kind() == "placement").unwrap();
    assert!(placement.id.len() == 32 && placement.id.chars().all(|c| c.is_ascii_hexdigit()), "{placement:?}");
    let row = after.endpoints_in("RegionTwo").find(|row| row.url == "http://p.b:8778").unwrap();
    assert_eq!((row.service_id.as_str(), row.id.as_str()), (placement.id.as_str(), "p"));
    assert_eq!(joined(&ours, &theirs).unwrap(), merge, "the same question has the same answer");
    assert_eq!(joined(&after, &theirs).unwrap().steps, []);
}

#[test]
fn endpoints_with_another_address_are_refused() {
    let (mut ours, theirs) = (cloud("a"), cloud("b"));
    ours.endpoints.push(endpoint("old", "a-nova", "public", "RegionTwo", "http://old:8774"));
    ours.endpoints.push(endpoint("ids", "a-keystone", "admin", "RegionTwo", "http://elsewhere:5000/v3"));
    ours.endpoints.push(endpoint("odd", "a-keystone", "odd", "RegionTwo", "http://odd:5000/v3"));
    let why = refused(&ours, &theirs);
    for words in ["old with http://old:8774", "ids with http://elsewhere:5000/v3", "the odd identity endpoint odd"] {
        assert!(why.contains(words), "{words}: {why}");
    }
    assert!(why.contains("http://public.b:8774") && why.contains("`openstack endpoint set --url`"), "{why}");
}

#[test]
fn regions_that_mean_something_else_are_refused() {
    let (ours, theirs) = (cloud("a"), cloud("b"));
    let region = |id: &str, parent: Option<&str>| {
        let parent = parent.map(str::to_owned);
        Region { id: id.into(), description: String::new(), parent, extra: None }
    };
    let with = |row: Region| {
        let mut ours = ours.clone();
        ours.regions.push(row);
        ours
    };
    assert!(refused(&with(region("RegionTwo", Some("RegionOne"))), &theirs).contains("as a part of RegionOne"));
    assert!(refused(&with(region("regiontwo", None)), &theirs).contains("regiontwo"));
    assert!(joined(&with(region("RegionTwo", None)), &theirs).is_ok());
    let why = |name: &str, from| joined_as(&ours, &theirs, name, from).unwrap_err().join("\n");
    assert!(why("RegionOne", None).contains("the master's own region"));
    assert!(why("Region\nTwo", None).contains("one line"));
    assert!(why(&"x".repeat(256), None).contains("255"));
    assert!(why("RegionTwo", Some("Elsewhere")).contains("but in RegionOne"));
}

#[test]
fn a_region_of_several_must_be_chosen_and_the_rest_is_named() {
    let (ours, mut theirs) = (cloud("a"), cloud("b"));
    theirs.endpoints.push(endpoint("e", "b-nova", "public", "Edge", "http://edge:8774"));
    let mut loose = endpoint("n", "b-nova", "public", "", "http://loose:8774");
    loose.region_id = None;
    theirs.endpoints.push(loose);
    assert!(refused(&ours, &theirs).contains("(Edge, RegionOne): give one with --from-region"));
    let merge = joined_as(&ours, &theirs, "Edge", Some("Edge")).unwrap();
    assert!(merge.notes.iter().any(|note| note.contains("6 of the second cloud's endpoints are in RegionOne")));
    assert!(merge.notes.iter().any(|note| note.contains("1 of the second cloud's endpoints are in no region")));
    assert_eq!(merge.applied_to(&ours).endpoints_in("Edge").count(), 4);
    let why = refused(&ours, &Catalog::default());
    assert!(why.contains("is this the right database?"), "{why}");
}

#[test]
fn a_parent_comes_along_only_where_it_is_known() {
    let (mut ours, mut theirs) = (cloud("a"), cloud("b"));
    theirs.regions[0].parent = Some("Europe".into());
    let parent = |ours: &Catalog| {
        let merge = joined(ours, &theirs).unwrap();
        let after = merge.applied_to(ours);
        (after.regions.iter().find(|row| row.id == "RegionTwo").unwrap().parent.clone(), merge.notes.len())
    };
    assert_eq!(parent(&ours), (None, 1));
    ours.regions.push(Region { id: "Europe".into(), description: String::new(), parent: None, extra: None });
    assert_eq!(parent(&ours), (Some("Europe".into()), 0));
}

#[test]
fn services_are_matched_by_type_and_name_and_doubles_are_refused() {
    let (mut ours, mut theirs) = (cloud("a"), cloud("b"));
    // volumes: two services of one type there, and another name here
    theirs.services.extend([service("b-v1", "volumev3", "cinderv3"), service("b-v2", "volumev3", "ceph")]);
    theirs.endpoints.push(endpoint("v1", "b-v1", "public", "RegionOne", "http://v1.b"));
    theirs.endpoints.push(endpoint("v2", "b-v2", "public", "RegionOne", "http://v2.b"));
    ours.services.push(service("a-v", "volumev3", "cinderv3"));
    theirs.services.push(service("b-idle", "dns", "designate"));
    let (steps, notes) = told(&ours, &theirs);
    assert!(steps.contains(&"Add the service volumev3 \"ceph\", id b-v2.".to_owned()), "{steps:?}");
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("volumev3 \"cinderv3\" (a-v): it is added beside"), "{notes:?}");
    assert!(notes[1].contains("dns \"designate\" has no endpoints"), "{notes:?}");
    let after = joined(&ours, &theirs).unwrap().applied_to(&ours);
    assert_eq!(after.endpoints.iter().find(|row| row.id == "v1").unwrap().service_id, "a-v");

    ours.services.push(service("a-v-too", "volumev3", "cinderv3"));
    let why = refused(&ours, &theirs);
    assert!(why.contains("(a-v, a-v-too): remove or rename all but one"), "{why}");
    theirs.services.push(service("b-nova-too", "compute", "nova"));
    theirs.endpoints.push(endpoint("n2", "b-nova-too", "public", "RegionOne", "http://n2.b"));
    theirs.endpoints.push(endpoint("v3", "b-v2", "public", "RegionOne", "http://v3.b"));
    theirs.endpoints.push(endpoint("lost", "b-gone", "public", "RegionOne", "http://lost.b"));
    let why = refused(&ours, &theirs);
    assert!(why.contains("several services compute \"nova\": remove or rename all but one there"), "{why}");
    assert!(why.contains("several public endpoints (http://v2.b, http://v3.b)"), "{why}");
    assert!(why.contains("b-gone that is not in its table"), "{why}");
}

#[test]
fn what_is_disabled_stays_hidden_and_is_named() {
    let (mut ours, mut theirs) = (cloud("a"), cloud("b"));
    theirs.services[1].enabled = false;
    let (steps, notes) = told(&ours, &theirs);
    assert!(steps[1].ends_with("http://admin.b:8774, disabled."), "{steps:?}");
    assert!(notes[0].contains("disabled in the second cloud and enabled in RegionOne"), "{notes:?}");
    theirs.services[1].enabled = true;
    ours.services[1].enabled = false;
    let (steps, notes) = told(&ours, &theirs);
    assert!(steps[1].ends_with("http://admin.b:8774."), "{steps:?}");
    assert!(notes[0].contains("openstack service set --enable a-nova"), "{notes:?}");

    // a service that is new comes as it is, its endpoints too
    let mut heat = service("b-heat", "orchestration", "heat");
    heat.enabled = false;
    theirs.services.push(heat);
    theirs.endpoints.push(endpoint("h", "b-heat", "public", "RegionOne", "http://h.b"));
    let (steps, _) = told(&ours, &theirs);
    assert!(steps.contains(&"Add the service orchestration \"heat\", id b-heat, disabled as it is there.".to_owned()));
    assert!(steps.contains(&"Add the public endpoint of orchestration \"heat\": http://h.b.".to_owned()));

    // one that is there already with the other flag is left alone
    let after = joined(&ours, &theirs).unwrap().applied_to(&ours);
    let mut changed = after.clone();
    changed.endpoints.iter_mut().find(|row| row.id == "b-c-public").unwrap().enabled = false;
    let merge = joined(&changed, &theirs).unwrap();
    assert_eq!(merge.steps, []);
    assert!(merge.notes.iter().any(|note| note.contains("b-c-public, is disabled; it would be added enabled")));
}

#[test]
fn addresses_that_lead_astray_are_named() {
    let (ours, mut theirs) = (cloud("a"), cloud("b"));
    theirs.endpoints.iter_mut().find(|row| row.id == "b-c-admin").unwrap().url = "http://127.0.0.1:8774".into();
    theirs.endpoints.iter_mut().find(|row| row.id == "b-c-public").unwrap().url = "http://public.a:8774".into();
    let (_, notes) = told(&ours, &theirs);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("every machine itself") && notes[1].contains("very address of RegionOne's"), "{notes:?}");
}

#[test]
fn identity_leads_home_and_an_unclear_home_is_refused() {
    let (mut ours, mut theirs) = (cloud("a"), cloud("b"));
    // an interface that home lacks, one that the second cloud lacks, and one of home's that is disabled
    ours.endpoints.retain(|row| row.id != "a-i-admin");
    theirs.endpoints.retain(|row| row.id != "b-i-public");
    let (steps, notes) = told(&ours, &theirs);
    assert!(
        steps.contains(&"Add the public identity endpoint, which leads to RegionOne: http://public.a:5000/v3.".into())
    );
    assert!(!steps.iter().any(|step| step.contains("admin identity")), "{steps:?}");
    assert_eq!(notes, ["RegionOne has no admin identity endpoint: RegionTwo gets none."]);

    ours.services.push(service("a-k2", "identity", "other"));
    ours.endpoints.push(endpoint("k2", "a-k2", "public", "RegionOne", "http://k2.a"));
    let after = joined(&ours, &theirs).unwrap().applied_to(&ours);
    assert!(after.endpoints_in("RegionTwo").all(|row| row.service_id != "a-k2"), "the name decides");
    theirs.services[0] = service("b-keystone", "identity", "third");
    assert!(refused(&ours, &theirs).contains("several identity services (identity \"keystone\", identity \"other\")"));

    let mut ours = cloud("a");
    ours.endpoints.push(endpoint("more", "a-keystone", "public", "RegionOne", "http://more.a"));
    assert!(refused(&ours, &theirs).contains("several public identity endpoints"), "{}", refused(&ours, &theirs));
    ours.endpoints.iter_mut().filter(|row| row.service_id == "a-keystone").for_each(|row| row.enabled = false);
    assert!(refused(&ours, &theirs).contains("spelled as in the catalogue?"));
}

#[test]
fn a_copy_of_the_masters_own_database_is_refused() {
    let ours = cloud("a");
    assert!(refused(&ours, &ours).contains("it is a copy of the master's"));
    let after = joined(&ours, &cloud("b")).unwrap().applied_to(&ours);
    assert!(refused(&ours, &after).contains("--from-region"), "a copy that was joined already has two regions");
}

#[test]
fn foreign_texts_stay_in_their_line_and_in_their_quotes() {
    let (ours, mut theirs) = (cloud("a"), cloud("b"));
    theirs.services.push(service("s", "x\n; DROP", "y\u{1b}[2J"));
    theirs.endpoints.push(endpoint("e", "s", "public", "RegionOne", "http://e'\\\n-- \u{7}"));
    let merge = joined(&ours, &theirs).unwrap();
    let home = RegionName("RegionOne".into());
    let sentences: Vec<String> = merge.steps.iter().map(|step| step.sentence(&home)).collect();
    assert!(sentences.iter().all(|line| !line.chars().any(char::is_control)), "{sentences:?}");
    let script = sql::script(&sentences, &merge.statements("keystone"), false);
    assert!(script.contains(r"'http://e\'\\\n-- "), "{script}");
    for line in script.lines() {
        assert!(!line.starts_with("; DROP"), "{script}");
    }
}
