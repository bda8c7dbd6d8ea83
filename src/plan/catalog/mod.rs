//! Joining a second cloud's catalogue into the master's: what is added, or why that would not be right.
//!
//! Nothing of the master's catalogue is overwritten. The one row that may change is an identity endpoint of the joined
//! region that still leads to that region's own Keystone; the plan says so, and its undo puts it back.

mod identity;
mod ids;
mod services;
pub mod sql;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::model::RegionName;
use crate::model::catalog::{Catalog, Endpoint, Region, Service};

/// The type of Keystone's own service.
const IDENTITY: &str = "identity";
/// The longest name that the column takes, in characters.
const LONGEST_REGION: usize = 255;

/// What is to be joined.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The region whose Keystone serves everybody in normal times: `[master] region`.
    pub home: &'a RegionName,
    /// What the second cloud's region is called from now on.
    pub region: &'a RegionName,
    /// What it is called in the second cloud's own catalogue; `None` where that has one region only.
    pub from_region: Option<&'a str>,
}

/// One step; a plan has no choices left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Add the region.
    AddRegion(Region),
    /// Add a service that the master's catalogue does not have.
    AddService(Service),
    /// Add an endpoint of the second cloud.
    AddEndpoint {
        /// The row.
        endpoint: Endpoint,
        /// How sentences call its service.
        service: String,
    },
    /// Add an identity endpoint of the region that leads to the home region's Keystone.
    AddIdentity(Endpoint),
    /// Let an identity endpoint of the region lead to the home region's Keystone.
    PointIdentity {
        /// The row as it is.
        endpoint: Endpoint,
        /// Where it leads afterwards.
        to: String,
    },
}

/// A whole plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// What the region is called in the second cloud's own catalogue.
    pub from_region: String,
    /// The steps in the order in which they must be done; empty when nothing is left to do.
    pub steps: Vec<Step>,
    /// What people should know, each with what can be done about it.
    pub notes: Vec<String>,
}

impl Step {
    /// The step as a sentence, in a plan for this home region.
    pub fn sentence(&self, home: &RegionName) -> String {
        let text = match self {
            Step::AddRegion(region) => format!("Add the region {}.", region.id),
            Step::AddService(service) => {
                let state = if service.enabled { "" } else { ", disabled as it is there" };
                format!("Add the service {}, id {}{state}.", called(service), service.id)
            }
            Step::AddEndpoint { endpoint, service } => {
                let state = if endpoint.enabled { "" } else { ", disabled" };
                format!("Add the {} endpoint of {service}: {}{state}.", endpoint.interface, endpoint.url)
            }
            Step::AddIdentity(endpoint) => {
                format!("Add the {} identity endpoint, which leads to {home}: {}.", endpoint.interface, endpoint.url)
            }
            Step::PointIdentity { endpoint, to } => format!(
                "Let the {} identity endpoint {} lead to {home}: {to} instead of {}.",
                endpoint.interface, endpoint.id, endpoint.url
            ),
        };
        tame(&text)
    }
}

impl Merge {
    /// The catalogue once every step is done.
    pub fn applied_to(&self, ours: &Catalog) -> Catalog {
        let mut catalog = ours.clone();
        for step in &self.steps {
            match step {
                Step::AddRegion(region) => catalog.regions.push(region.clone()),
                Step::AddService(service) => catalog.services.push(service.clone()),
                Step::AddEndpoint { endpoint, .. } | Step::AddIdentity(endpoint) => {
                    catalog.endpoints.push(endpoint.clone());
                }
                Step::PointIdentity { endpoint, to } => {
                    let row = catalog.endpoints.iter_mut().find(|row| row.id == endpoint.id);
                    row.into_iter().for_each(|row| row.url.clone_from(to));
                }
            }
        }
        catalog.sort();
        catalog
    }
}

/// Everything that a plan is made from and grows by.
struct Joining<'a> {
    ours: &'a Catalog,
    theirs: &'a Catalog,
    asked: Asked<'a>,
    from_region: String,
    steps: Vec<Step>,
    notes: Vec<String>,
    refusals: Vec<String>,
    /// Endpoints' ids that must not be given again, in lower case.
    taken: BTreeSet<String>,
}

/// Plans the joining of `theirs` into `ours`.
///
/// # Errors
/// Everything that speaks against it, a sentence each, with what to do.
pub fn plan(ours: &Catalog, theirs: &Catalog, asked: Asked<'_>) -> Result<Merge, Vec<String>> {
    let from_region = chosen_region(theirs, asked).map_err(|why| vec![tame(&why)])?;
    let taken = ours.endpoints.iter().map(|endpoint| endpoint.id.to_lowercase()).collect();
    let (steps, notes, refusals) = Default::default();
    let mut joining = Joining { ours, theirs, asked, from_region, steps, notes, refusals, taken };
    joining.must_be_two_clouds();
    joining.region();
    joining.services();
    joining.identity();
    joining.left_out();
    if joining.refusals.is_empty() {
        let notes = joining.notes.iter().map(|note| tame(note)).collect();
        return Ok(Merge { from_region: joining.from_region, steps: joining.steps, notes });
    }
    Err(joining.refusals.iter().map(|refusal| tame(refusal)).collect())
}

/// Which region of the second cloud is meant.
fn chosen_region(theirs: &Catalog, asked: Asked<'_>) -> Result<String, String> {
    let regions: BTreeSet<&str> =
        theirs.endpoints.iter().filter_map(|endpoint| endpoint.region_id.as_deref()).collect();
    let names = regions.iter().copied().collect::<Vec<_>>().join(", ");
    match (asked.from_region, regions.len()) {
        (_, 0) => {
            Err("the second cloud's catalogue has no endpoints in any region: is this the right database?".into())
        }
        (Some(name), _) if regions.contains(name) => Ok(name.to_owned()),
        (Some(name), _) => Err(format!(
            "the second cloud's catalogue has no endpoints in a region {name}, but in {names}: give one with --from-region"
        )),
        (None, 1) => Ok(names),
        (None, _) => Err(format!(
            "the second cloud's catalogue has endpoints in several regions ({names}): give one with --from-region"
        )),
    }
}

impl Joining<'_> {
    /// A copy of the master's own database holds the master's own endpoints.
    fn must_be_two_clouds(&mut self) {
        let home = self.asked.home.0.as_str();
        let same = |there: &Endpoint| {
            let own = self.ours.endpoints_in(home).any(|here| here.id == there.id && here.url == there.url);
            own && there.region_id.as_deref() == Some(home)
        };
        if self.from_region == home && self.theirs.endpoints_in(home).any(same) {
            self.refusals.push(format!(
                "the database at --from holds {home}'s own endpoints: it is a copy of the master's; if the second \
                 cloud's catalogue was moved to a dated schema there, name that with --from-database"
            ));
        }
    }

    fn region(&mut self) {
        let (name, home) = (&self.asked.region.0, self.asked.home);
        if name == &home.0 {
            self.refusals
                .push(format!("--region: {home} is the master's own region: give the second cloud another name"));
            return;
        }
        if name.chars().count() > LONGEST_REGION || name.chars().any(char::is_control) {
            self.refusals.push(format!("--region: a region's name is one line of at most {LONGEST_REGION} characters"));
            return;
        }
        let there = self.theirs.regions.iter().find(|region| region.id == self.from_region);
        let parent = there.and_then(|region| region.parent.clone());
        // servers compare names without regard to case
        let here = self.ours.regions.iter().find(|region| region.id.to_lowercase() == name.to_lowercase());
        match here {
            Some(here) if here.id != *name => self.refusals.push(format!(
                "{home}'s catalogue has a region {}, which the database takes for the same name as {name}: give it as --region",
                here.id
            )),
            Some(here) if here.parent.is_some() && here.parent != parent => self.refusals.push(format!(
                "{home}'s catalogue has a region {name} already, as a part of {}: remove that region, or set it free with \
                 `openstack region set --parent-region`, if it is this one",
                here.parent.as_deref().unwrap_or_default()
            )),
            Some(_) => {}
            None => {
                let known = parent.filter(|parent| {
                    let known = parent != name && self.ours.regions.iter().any(|region| region.id == *parent);
                    if !known {
                        self.notes.push(format!(
                            "There the region is a part of {parent}, which {home}'s catalogue does not have: it becomes a \
                             region of its own."
                        ));
                    }
                    known
                });
                self.steps.push(Step::AddRegion(Region {
                    id: name.clone(),
                    description: there.map(|region| region.description.clone()).unwrap_or_default(),
                    parent: known,
                    extra: there.and_then(|region| region.extra.clone()).or_else(|| Some("{}".to_owned())),
                }));
            }
        }
    }

    /// What of the second cloud does not come along.
    fn left_out(&mut self) {
        let elsewhere = |endpoint: &&Endpoint| endpoint.region_id.as_deref() != Some(self.from_region.as_str());
        let mut places = std::collections::BTreeMap::<&str, usize>::new();
        for endpoint in self.theirs.endpoints.iter().filter(elsewhere) {
            *places.entry(endpoint.region_id.as_deref().unwrap_or("no region")).or_default() += 1;
        }
        let from = &self.from_region;
        self.notes.extend(places.iter().map(|(place, count)| {
            format!("{count} of the second cloud's endpoints are in {place} and not in {from}: they are left out.")
        }));
        for service in &self.theirs.services {
            if !self.theirs.endpoints.iter().any(|endpoint| endpoint.service_id == service.id) {
                self.notes
                    .push(format!("The second cloud's service {} has no endpoints: it is left out.", called(service)));
            }
        }
    }

    /// The row of an endpoint that is added; its id is the second cloud's, unless that is taken.
    fn fresh(&mut self, id: &str, legacy_id: Option<String>, wanted: Wanted) -> Endpoint {
        let id = ids::fresh(&self.asked.region.0, id, &mut self.taken);
        let Wanted { service_id, interface, url, enabled, extra } = wanted;
        let region_id = Some(self.asked.region.0.clone());
        Endpoint { id, legacy_id, interface, service_id, url, extra, enabled, region_id }
    }
}

/// What an endpoint of the region should be.
struct Wanted {
    service_id: String,
    interface: String,
    url: String,
    enabled: bool,
    extra: Option<String>,
}

/// How sentences call a service: its type and its name.
fn called(service: &Service) -> String {
    match service.name() {
        name if name.is_empty() => format!("{} without a name", service.kind()),
        name => format!("{} {name:?}", service.kind()),
    }
}

/// A text of a foreign database as one line that does nothing to a terminal.
fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
