//! Keystone's catalogue as its database holds it: the tables `region`, `service` and `endpoint`.

use serde_json::Value;

/// A row of `region`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Region {
    /// Its name, which is its id.
    pub id: String,
    /// Some words for people; the column must not be NULL.
    pub description: String,
    /// The region that it is a part of.
    pub parent: Option<String>,
    /// A JSON document.
    pub extra: Option<String>,
}

/// A row of `service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Its id; every cloud gives its own.
    pub id: String,
    /// Its type, for example `compute`; the column may be NULL.
    pub kind: Option<String>,
    /// Whether it is in the catalogue that users see.
    pub enabled: bool,
    /// A JSON document that holds the name.
    pub extra: Option<String>,
}

/// A row of `endpoint`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// What held three interfaces together in the API of old.
    pub legacy_id: Option<String>,
    /// `public`, `internal` or `admin`.
    pub interface: String,
    /// The service.
    pub service_id: String,
    /// The address, as Keystone keeps it: it may hold gaps for a project's id.
    pub url: String,
    /// A JSON document.
    pub extra: Option<String>,
    /// Whether it is in the catalogue that users see.
    pub enabled: bool,
    /// The region.
    pub region_id: Option<String>,
}

/// All three tables, each in the order of its ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The table `region`.
    pub regions: Vec<Region>,
    /// The table `service`.
    pub services: Vec<Service>,
    /// The table `endpoint`.
    pub endpoints: Vec<Endpoint>,
}

impl Service {
    /// The type; empty where the column is NULL.
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    /// The name that stands in `extra`; empty where there is none.
    pub fn name(&self) -> String {
        let extra = self.extra.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let name = extra.as_ref().and_then(|extra| extra.get("name")).and_then(Value::as_str);
        name.unwrap_or_default().to_owned()
    }
}

impl Catalog {
    /// The endpoints in a region.
    pub fn endpoints_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Endpoint> {
        self.endpoints.iter().filter(move |endpoint| endpoint.region_id.as_deref() == Some(region))
    }

    /// The service with this id.
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Puts every table in the order of its ids.
    pub fn sort(&mut self) {
        self.regions.sort();
        self.services.sort();
        self.endpoints.sort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_name_is_read_from_its_extra_or_is_empty() {
        let name = |extra: Option<&str>| {
            let extra = extra.map(str::to_owned);
            Service { id: "s".into(), kind: None, enabled: true, extra }.name()
        };
        assert_eq!(name(Some(r#"{"name": "nova \"x\"", "description": "y"}"#)), "nova \"x\"");
        for nameless in [None, Some(""), Some("{}"), Some("not json"), Some(r#"{"name": null}"#), Some(r#"["name"]"#)] {
            assert_eq!(name(nameless), "", "{nameless:?}");
        }
    }
}
