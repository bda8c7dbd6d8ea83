//! A master and one replica as the settings describe them: who connects where, and how the pair should be.

use std::path::PathBuf;

use secrecy::SecretString;

use super::How;
use crate::config::Settings;
use crate::config::schema::{Replica, Tls, TlsMode};
use crate::daemon::{clock, memory};
use crate::model::preflight::LinkWanted;
use crate::model::{Address, RegionName, ReplicaName};
use crate::observe::hand::Access;
use crate::plan::wanted::{self, Mend, Wanted};
use crate::wire::connect::Target;

/// A master and one replica.
pub struct Pair {
    pub region: RegionName,
    pub name: ReplicaName,
    pub state_dir: PathBuf,
    pub control_socket: PathBuf,
    pub master: Access,
    /// The master's other addresses.
    pub other_masters: Vec<Address>,
    pub replica: Access,
    /// Every other replica of the settings, to tell that two names are not one server.
    pub others: Vec<Access>,
    pub wanted: Wanted,
    /// The most bytes a second to read from the master while copying.
    pub max_rate: Option<u64>,
    pub own_password: SecretString,
    pub link_password: SecretString,
}

impl Pair {
    /// The master at `address` and a replica.
    ///
    /// # Errors
    /// No such replica in the settings.
    pub fn new(
        settings: &Settings,
        (region, name): (&RegionName, &ReplicaName),
        how: &How,
        address: &Address,
    ) -> Result<Self, String> {
        let replica = settings
            .regions
            .iter()
            .filter(|candidate| candidate.name == *region)
            .flat_map(|candidate| &candidate.replicas)
            .find(|candidate| candidate.name == *name)
            .ok_or_else(|| format!("the settings have no replica {region}/{name}"))?;
        let access = |name: String, address: &Address, tls: &Tls, admin: &Option<Target>| Access {
            name,
            own: Target::of(settings, address, tls),
            admin: admin.clone(),
        };
        let called = |region: &RegionName, replica: &Replica| format!("replica {region}/{}", replica.name);
        let others = settings.regions.iter().flat_map(|other| other.replicas.iter().map(move |one| (&other.name, one)));
        Ok(Self {
            region: region.clone(),
            name: name.clone(),
            state_dir: settings.state_dir.clone(),
            control_socket: settings.control_socket.clone(),
            master: access(format!("master {address}"), address, &settings.tls, &how.master_admin),
            other_masters: settings.master.addresses.iter().filter(|other| *other != address).cloned().collect(),
            replica: access(called(region, replica), &replica.address, &replica.tls, &how.replica_admin),
            others: others
                .filter(|(other, one)| (*other, &one.name) != (region, name))
                .map(|(other, one)| access(called(other, one), &one.address, &one.tls, &None))
                .collect(),
            wanted: Wanted {
                databases: settings.replication.databases.clone(),
                own_user: settings.account.user.clone(),
                own_ssl_on_master: settings.tls.mode != TlsMode::Disabled,
                own_ssl_on_replica: replica.tls.mode != TlsMode::Disabled,
                link: link(settings, address, &replica.replication_tls),
                beat_interval: settings.replication.beat_interval,
                auto: how.auto,
                mend: Mend {
                    replace_data: how.replace_data,
                    reseed: how.reseed,
                    date: clock::wall().strftime("%Y%m%d_%H%M%S").to_string(),
                    place: format!("{region}/{name}"),
                    lost: memory::loss_on_record(&settings.state_dir, region),
                },
            },
            max_rate: how.max_rate,
            own_password: settings.account.password.clone(),
            link_password: settings.replication.account.password.clone(),
        })
    }
}

fn link(settings: &Settings, address: &Address, tls: &Tls) -> LinkWanted {
    let ssl = tls.mode != TlsMode::Disabled;
    let path = |path: &Option<PathBuf>| match path {
        Some(path) if ssl => path.display().to_string(),
        _ => String::new(),
    };
    let verify = tls.mode == TlsMode::VerifyIdentity;
    LinkWanted {
        host: address.host.clone(),
        port: address.port,
        user: settings.replication.account.user.clone(),
        ssl,
        verify,
        // a CA that is named is a CA that is checked, also where the name is not: whoever does not want that names none
        ca: if verify || tls.mode == TlsMode::VerifyCa { path(&tls.ca_file) } else { String::new() },
        cert: path(&tls.cert_file),
        key: path(&tls.key_file),
        heartbeat: wanted::heartbeat_text(settings.replication.beat_interval),
    }
}
