//! The region's identity endpoints: they lead to the home region's Keystone, which everybody logs in at in normal times.

use std::collections::{BTreeMap, BTreeSet};

use super::{IDENTITY, Joining, Step, Wanted, called};
use crate::model::catalog::{Endpoint, Service};

impl<'a> Joining<'a> {
    /// One endpoint for every interface that the home region's Keystone has.
    pub(super) fn identity(&mut self) {
        let Some(service) = self.home_service() else { return };
        let Some(addresses) = self.home_addresses(service) else { return };
        for (interface, url) in &addresses {
            self.identity_endpoint(service, interface, url);
        }
        let (ours, region, home) = (self.ours, self.asked.region, self.asked.home);
        let there: BTreeSet<&str> = self.their_endpoints().into_iter().map(|row| row.interface.as_str()).collect();
        for interface in there.iter().filter(|name| !addresses.contains_key(**name)) {
            self.notes.push(format!("{home} has no {interface} identity endpoint: {region} gets none."));
        }
        let kept = |row: &&Endpoint| row.service_id == service.id && !addresses.contains_key(row.interface.as_str());
        for row in ours.endpoints_in(&region.0).filter(kept) {
            self.refusals.push(format!(
                "{home}'s catalogue has the {} identity endpoint {} in {region}, to which {home} has no counterpart: delete it",
                row.interface, row.id
            ));
        }
    }

    /// The master's identity service: the one with endpoints in the home region.
    fn home_service(&mut self) -> Option<&'a Service> {
        let (ours, home) = (self.ours, self.asked.home);
        let serves = |service: &&Service| {
            let has = |row: &Endpoint| row.service_id == service.id && row.enabled;
            service.kind() == IDENTITY && service.enabled && ours.endpoints_in(&home.0).any(has)
        };
        let serving: Vec<&Service> = ours.services.iter().filter(serves).collect();
        let names: BTreeSet<String> = {
            let services = self.theirs.services.iter().filter(|service| service.kind() == IDENTITY);
            services.map(Service::name).collect()
        };
        let mut named = serving.iter().filter(|service| names.contains(&service.name()));
        match (serving.as_slice(), named.next(), named.next()) {
            ([only], ..) => Some(only),
            ([], ..) => {
                self.refusals.push(format!(
                    "the master's catalogue has no enabled identity endpoint in the region {home}: is `[master] region` \
                     spelled as in the catalogue?"
                ));
                None
            }
            (_, Some(one), None) => Some(one),
            (several, ..) => {
                let names: Vec<String> = several.iter().map(|service| called(service)).collect();
                self.refusals.push(format!(
                    "{home} has several identity services ({}): disable or remove all but one",
                    names.join(", ")
                ));
                None
            }
        }
    }

    /// Where the home region's Keystone is, by interface.
    fn home_addresses(&mut self, service: &Service) -> Option<BTreeMap<&'a str, &'a str>> {
        let (ours, home) = (self.ours, self.asked.home);
        let mut addresses = BTreeMap::new();
        for row in ours.endpoints_in(&home.0).filter(|row| row.service_id == service.id && row.enabled) {
            let before = addresses.insert(row.interface.as_str(), row.url.as_str());
            if let Some(before) = before.filter(|before| *before != row.url) {
                self.refusals.push(format!(
                    "{home} has several {} identity endpoints ({before}, {}): remove all but one",
                    row.interface, row.url
                ));
                return None;
            }
        }
        Some(addresses)
    }

    /// The second cloud's own identity endpoints in the region.
    fn their_endpoints(&self) -> Vec<&'a Endpoint> {
        let theirs = self.theirs;
        let identity = |row: &&Endpoint| theirs.service(&row.service_id).is_some_and(|own| own.kind() == IDENTITY);
        let inside = |row: &&Endpoint| row.region_id.as_deref() == Some(self.from_region.as_str());
        theirs.endpoints.iter().filter(inside).filter(identity).collect()
    }

    fn identity_endpoint(&mut self, service: &Service, interface: &str, url: &str) {
        let (ours, region, home) = (self.ours, self.asked.region, self.asked.home);
        let there: Vec<&Endpoint> =
            self.their_endpoints().into_iter().filter(|row| row.interface == interface).collect();
        let here = |row: &&Endpoint| row.service_id == service.id && row.interface == interface;
        let here: Vec<&Endpoint> = ours.endpoints_in(&region.0).filter(here).collect();
        for row in here.iter().filter(|row| row.url != url) {
            if there.iter().any(|own| own.url == row.url) {
                self.steps.push(Step::PointIdentity { endpoint: (*row).clone(), to: url.to_owned() });
            } else {
                self.refusals.push(format!(
                    "{home}'s catalogue has a {interface} identity endpoint in {region} already, {} with {}, which is \
                     neither {home}'s nor the second cloud's own: delete it or set its URL to {url}",
                    row.id, row.url
                ));
            }
        }
        if !here.is_empty() {
            if !here.iter().any(|row| row.enabled) {
                self.notes.push(format!("The {interface} identity endpoint of {region} is disabled; it stays so."));
            }
            return;
        }
        // an id that no row has, where the second cloud gives none
        let (id, extra) = match there.first() {
            Some(own) => (own.id.clone(), own.extra.clone()),
            None => {
                let own =
                    ours.endpoints_in(&home.0).find(|row| row.service_id == service.id && row.interface == interface);
                (own.map(|own| own.id.clone()).unwrap_or_default(), Some("{}".to_owned()))
            }
        };
        let wanted = Wanted {
            service_id: service.id.clone(),
            interface: interface.to_owned(),
            url: url.to_owned(),
            enabled: true,
            extra,
        };
        let endpoint = self.fresh(&id, None, wanted);
        self.steps.push(Step::AddIdentity(endpoint));
    }
}
