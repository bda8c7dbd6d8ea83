//! Services and their endpoints: matched by type and name, the endpoints led to the master's service rows.

use std::collections::{BTreeMap, BTreeSet};

use super::{IDENTITY, Joining, Step, Wanted, called, ids};
use crate::model::catalog::{Endpoint, Service};

/// Hosts that mean every machine itself.
const LOOPBACK: [&str; 4] = ["localhost", "127.", "[::1]", "0.0.0.0"];

impl<'a> Joining<'a> {
    /// Every service that has endpoints in the region, identity aside.
    pub(super) fn services(&mut self) {
        let (theirs, ours) = (self.theirs, self.ours);
        let used: BTreeSet<String> = {
            let from = self.from_region.as_str();
            theirs.endpoints_in(from).map(|endpoint| endpoint.service_id.clone()).collect()
        };
        let mut names = BTreeMap::<(String, String), usize>::new();
        let mut taken: BTreeSet<String> = ours.services.iter().map(|service| service.id.to_lowercase()).collect();
        let other = |service: &&Service| used.contains(&service.id) && service.kind() != IDENTITY;
        let mut services: Vec<&Service> = theirs.services.iter().filter(other).collect();
        // ids are random; people read types
        services.sort_by_key(|service| (service.kind().to_owned(), service.name()));
        for service in services {
            let seen = names.entry((service.kind().to_owned(), service.name())).or_default();
            *seen += 1;
            match *seen {
                1 => self.service(service, &mut taken),
                2 => self.refusals.push(format!(
                    "the second cloud has several services {}: remove or rename all but one there",
                    called(service)
                )),
                _ => {}
            }
        }
        for id in used.iter().filter(|id| theirs.service(id).is_none()) {
            self.refusals.push(format!("the second cloud has endpoints of a service {id} that is not in its table"));
        }
    }

    fn service(&mut self, service: &'a Service, taken: &mut BTreeSet<String>) {
        let home = self.asked.home;
        let alike: Vec<&Service> = self.ours.services.iter().filter(|ours| is_same(ours, service)).collect();
        let (id, hidden) = match alike.as_slice() {
            [] => {
                self.name_namesakes(service);
                let id = ids::fresh(&self.asked.region.0, &service.id, taken);
                let row = Service { id: id.clone(), ..service.clone() };
                self.steps.push(Step::AddService(row));
                (id, false)
            }
            [ours] => {
                if ours.enabled && !service.enabled {
                    self.notes.push(format!(
                        "The service {} is disabled in the second cloud and enabled in {home}: its endpoints come in \
                         disabled.",
                        called(service)
                    ));
                }
                if !ours.enabled && service.enabled {
                    self.notes.push(format!(
                        "The service {} is disabled in {home}: nobody sees its endpoints until `openstack service set \
                         --enable {}`.",
                        called(service),
                        ours.id
                    ));
                }
                (ours.id.clone(), ours.enabled && !service.enabled)
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|service| service.id.as_str()).collect();
                self.refusals.push(format!(
                    "{home}'s catalogue has several services {} ({}): remove or rename all but one",
                    called(service),
                    ids.join(", ")
                ));
                return;
            }
        };
        self.endpoints(service, &id, hidden);
    }

    /// Says when the master's catalogue has the type under another name only.
    fn name_namesakes(&mut self, service: &Service) {
        let home = self.asked.home;
        let others: Vec<String> = self
            .ours
            .services
            .iter()
            .filter(|ours| ours.kind() == service.kind())
            .map(|ours| format!("{} ({})", called(ours), ours.id))
            .collect();
        if !others.is_empty() {
            self.notes.push(format!(
                "{home}'s catalogue has no service {}, but {}: it is added beside. If they are the same, give them one name \
                 first (`openstack service set --name`).",
                called(service),
                others.join(", ")
            ));
        }
    }

    fn endpoints(&mut self, service: &'a Service, id: &str, hidden: bool) {
        let mut by_interface = BTreeMap::<&str, Vec<&'a Endpoint>>::new();
        let theirs = self.theirs;
        let inside = |endpoint: &&Endpoint| endpoint.region_id.as_deref() == Some(self.from_region.as_str());
        for endpoint in theirs.endpoints.iter().filter(inside).filter(|endpoint| endpoint.service_id == service.id) {
            by_interface.entry(&endpoint.interface).or_default().push(endpoint);
        }
        for (interface, endpoints) in by_interface {
            let urls: BTreeSet<&str> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
            if urls.len() > 1 {
                let urls: Vec<&str> = urls.into_iter().collect();
                self.refusals.push(format!(
                    "the second cloud's service {} has several {interface} endpoints ({}): remove all but one there",
                    called(service),
                    urls.join(", ")
                ));
                continue;
            }
            // of equal ones the one that users see
            let Some(endpoint) = endpoints.iter().max_by_key(|endpoint| endpoint.enabled) else { continue };
            self.endpoint(endpoint, service, id, endpoint.enabled && !hidden);
        }
        self.name_strangers(service, id);
    }

    fn endpoint(&mut self, endpoint: &Endpoint, service: &Service, id: &str, enabled: bool) {
        let (region, home) = (self.asked.region, self.asked.home);
        let what = format!("{} endpoint of {} in {region}", endpoint.interface, called(service));
        let there = |row: &&Endpoint| row.service_id == id && row.interface == endpoint.interface;
        let ours = self.ours;
        let here: Vec<&Endpoint> = ours.endpoints_in(&region.0).filter(there).collect();
        if let Some(other) = here.iter().find(|row| row.url != endpoint.url) {
            self.refusals.push(format!(
                "{home}'s catalogue has a {what} already, {} with {}, and the second cloud says {}: delete it or set its URL \
                 (`openstack endpoint set --url`), or correct it in the second cloud",
                other.id, other.url, endpoint.url
            ));
            return;
        }
        if let Some(row) = here.first() {
            if !here.iter().any(|row| row.enabled == enabled) {
                let [is, is_not] = if row.enabled { ["enabled", "disabled"] } else { ["disabled", "enabled"] };
                self.notes.push(format!("The {what}, {}, is {is}; it would be added {is_not}. It stays so.", row.id));
            }
            return;
        }
        self.doubt(endpoint, id, &what);
        let wanted = Wanted {
            service_id: id.to_owned(),
            interface: endpoint.interface.clone(),
            url: endpoint.url.clone(),
            enabled,
            extra: endpoint.extra.clone(),
        };
        let endpoint = self.fresh(&endpoint.id, endpoint.legacy_id.clone(), wanted);
        self.steps.push(Step::AddEndpoint { endpoint, service: called(service) });
    }

    /// Addresses that lead users of two clouds astray.
    fn doubt(&mut self, endpoint: &Endpoint, id: &str, what: &str) {
        let home = self.asked.home;
        let host = endpoint.url.split_once("://").map_or(endpoint.url.as_str(), |(_, rest)| rest);
        if LOOPBACK.iter().any(|start| host.starts_with(start)) {
            self.notes.push(format!(
                "The {what} is {}: that address means every machine itself, and nobody outside can use it.",
                endpoint.url
            ));
        }
        let same = |row: &Endpoint| row.service_id == id && row.url == endpoint.url;
        if self.ours.endpoints_in(&home.0).any(same) {
            self.notes.push(format!(
                "The {what} has the very address of {home}'s, {}: unless both regions share that service, a name means one \
                 cloud there and another one here.",
                endpoint.url
            ));
        }
    }

    /// Endpoints that the master's catalogue has in the region and the second cloud does not.
    fn name_strangers(&mut self, service: &Service, id: &str) {
        let theirs = self.theirs;
        let known = |row: &Endpoint| {
            let mut inside = theirs.endpoints_in(&self.from_region);
            inside.any(|endpoint| endpoint.service_id == service.id && endpoint.interface == row.interface)
        };
        let region = self.asked.region;
        let strangers: Vec<String> = self
            .ours
            .endpoints_in(&region.0)
            .filter(|row| row.service_id == id && !known(row))
            .map(|row| {
                let what = format!("{} endpoint of {} in {region}", row.interface, called(service));
                format!("The {what}, {}, is not in the second cloud's catalogue: it stays.", row.id)
            })
            .collect();
        self.notes.extend(strangers);
    }
}

/// Whether two rows mean one service.
fn is_same(one: &Service, other: &Service) -> bool {
    one.kind() == other.kind() && one.name() == other.name()
}
