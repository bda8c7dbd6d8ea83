//! Keystone's service catalogue: what clients of every region are told.

use std::collections::BTreeSet;

use super::facts::{Catalog, Endpoint, Facts};
use super::{Answer, Check, Severity, counted, some};

/// The checks of this group.
pub const CHECKS: [Check; 5] = [
    Check {
        id: "region-without-endpoints",
        severity: Severity::Warning,
        looks_at: "Regions of the catalogue in which no service has an enabled endpoint.",
        why: "Clients that choose this region find nothing there.",
        mend: "Import the region's endpoints into the master's catalogue, or delete the region.",
        judge: empty_regions,
    },
    Check {
        id: "endpoint-lost",
        severity: Severity::Warning,
        looks_at: "Endpoints whose region or service does not exist.",
        why: "Such an endpoint is shown to nobody, or breaks the list of endpoints for everybody.",
        mend: "Point the endpoint at the right service and region (`openstack endpoint set`), or delete it.",
        judge: lost,
    },
    Check {
        id: "identity-endpoint",
        severity: Severity::Warning,
        looks_at: "Whether every region's identity endpoints point at the Keystone of the master's region, where keyward sets no HAProxy for the region.",
        why: "While all is well, all regions sign their users in at the master's region: another Keystone would answer from a replica, where nothing can be changed.",
        mend: "Set the url of this endpoint to the address of the master's region, or put an HAProxy in front that keyward sets.",
        judge: identity,
    },
    Check {
        id: "endpoint-plain-http",
        severity: Severity::Warning,
        looks_at: "Endpoints with `http://`.",
        why: "Passwords and tokens cross the network readable for everybody on the way, between regions all the more.",
        mend: "Put TLS in front of the service and write https:// into the endpoint.",
        judge: plain_http,
    },
    Check {
        id: "endpoint-name",
        severity: Severity::Info,
        looks_at: "Whether endpoints are called `https://<service>.<region>.<domain>/<version>`; other regions' identity endpoints, which are the master's, are left out.",
        why: "A name can be pointed elsewhere when something moves; an address or a port stands in every client's configuration for ever.",
        mend: "Give the service such a name in DNS and write it into the endpoint.",
        judge: names,
    },
];

fn catalog<'a>(facts: &'a Facts, answer: &mut Answer) -> Option<&'a Catalog> {
    let keystone = answer.need(&facts.master.keystone)?;
    answer.need(&keystone.catalog)
}

fn empty_regions(facts: &Facts, answer: &mut Answer) {
    let Some(catalog) = catalog(facts, answer) else { return };
    let used: BTreeSet<&str> = catalog.served().filter_map(|(_, endpoint)| endpoint.region.as_deref()).collect();
    for region in catalog.regions.iter().filter(|region| !used.contains(region.as_str())) {
        answer.find(format!("the region {region} of the catalogue has no enabled endpoint"));
    }
}

fn lost(facts: &Facts, answer: &mut Answer) {
    let Some(catalog) = catalog(facts, answer) else { return };
    for endpoint in &catalog.endpoints {
        let Endpoint { id, interface, url, .. } = endpoint;
        let what = format!("the {interface} endpoint {id} ({url})");
        match &endpoint.region {
            None => answer.find(format!("{what} has no region")),
            Some(region) if !catalog.regions.contains(region) => {
                answer.find(format!("{what} is of the region {region}, which does not exist"));
            }
            Some(_) => {}
        }
        if !catalog.services.contains_key(&endpoint.service) {
            answer.find(format!("{what} is of the service {}, which does not exist", endpoint.service));
        }
    }
}

fn identity(facts: &Facts, answer: &mut Answer) {
    let Some(catalog) = catalog(facts, answer) else { return };
    let identity: Vec<&Endpoint> =
        catalog.served().filter(|(service, _)| *service == "identity").map(|(_, endpoint)| endpoint).collect();
    let of = |region: &str| identity.iter().filter(move |one| one.region.as_deref() == Some(region)).copied().collect();
    let here: Vec<&Endpoint> = of(&facts.master_region);
    if here.is_empty() {
        return answer
            .find(format!("the catalogue has no identity endpoint in the master's region {}", facts.master_region));
    }
    let hosts: BTreeSet<&str> = here.iter().filter_map(|endpoint| Some(parse(&endpoint.url)?.host)).collect();
    for endpoint in &identity {
        let Some(region) = &endpoint.region else { continue };
        let right = parse(&endpoint.url).is_some_and(|url| hosts.contains(url.host));
        if !right && !facts.proxied_regions.contains(region) {
            answer.find(format!(
                "the {} identity endpoint of {region} is {}, which is not a host of {} ({})",
                endpoint.interface,
                endpoint.url,
                facts.master_region,
                some(hosts.iter().copied())
            ));
        }
    }
}

fn plain_http(facts: &Facts, answer: &mut Answer) {
    let Some(catalog) = catalog(facts, answer) else { return };
    let plain: Vec<&str> = catalog
        .served()
        .filter(|(_, endpoint)| endpoint.url.to_ascii_lowercase().starts_with("http:"))
        .map(|(_, endpoint)| endpoint.url.as_str())
        .collect();
    if !plain.is_empty() {
        let count = counted(plain.len() as u64, "endpoint has", "endpoints have");
        answer.find(format!("{count} no TLS: {}", some(plain)));
    }
}

fn names(facts: &Facts, answer: &mut Answer) {
    let Some(catalog) = catalog(facts, answer) else { return };
    let odd: Vec<&str> = catalog
        .served()
        .filter(|(service, endpoint)| {
            let own = endpoint.region.as_deref() == Some(facts.master_region.as_str());
            let region = if *service == "identity" && !own { &facts.master_region } else { "" };
            let region = if region.is_empty() { endpoint.region.as_deref().unwrap_or_default() } else { region };
            !is_well_named(&endpoint.url, region)
        })
        .map(|(_, endpoint)| endpoint.url.as_str())
        .collect();
    if !odd.is_empty() {
        let count = counted(odd.len() as u64, "endpoint is", "endpoints are");
        answer.find(format!("{count} not called https://<service>.<region>.<domain>/<version>: {}", some(odd)));
    }
}

/// The parts of an endpoint's address that matter here.
pub(super) struct Url<'a> {
    https: bool,
    /// With the port left out.
    pub(super) host: &'a str,
    port: Option<&'a str>,
    path: &'a str,
}

pub(super) fn parse(url: &str) -> Option<Url<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    Some(Url { https: scheme.eq_ignore_ascii_case("https"), host, port, path })
}

/// Whether it is `https://<service>.<region>.<domain>/<version>`. Services without versions in their addresses, such as
/// placement, have no path.
fn is_well_named(url: &str, region: &str) -> bool {
    let Some(url) = parse(url) else { return false };
    let mut labels = url.host.split('.');
    let service = labels.next().unwrap_or_default();
    let named = labels.next().is_some_and(|label| label.eq_ignore_ascii_case(region));
    let version = url.path.split('/').next().unwrap_or_default();
    let numbered = version.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let domain = labels.next().is_some_and(|label| !label.is_empty());
    url.https && url.port.is_none() && !service.is_empty() && named && domain && (numbered || version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_or_do_not() {
        for good in [
            "https://compute.regionone.cloud.example.org/v2.1",
            "https://object.RegionOne.example/v1/AUTH_%(tenant_id)s",
            "https://placement.regionone.example.org",
            "https://network.regionone.example.org/",
        ] {
            assert!(is_well_named(good, "RegionOne"), "{good}");
        }
        for bad in [
            "http://compute.regionone.example.org/v2.1",
            "https://compute.regionone.example.org:8774/v2.1",
            "https://compute.regiontwo.example.org/v2.1",
            "https://10.13.32.19/v2.1",
            "https://compute.regionone/v2.1",
            "https://compute.regionone.example.org/compute/v2.1",
            "compute",
            "https://[::1]:5000/v3",
        ] {
            assert!(!is_well_named(bad, "RegionOne"), "{bad}");
        }
    }
}
