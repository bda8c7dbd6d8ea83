//! The flags of `keyward doctor` and `keyward fingerprint`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::Place;

/// `keyward doctor`
#[derive(Clone, Debug, Default, Args)]
pub struct Doctor {
    /// Only this region, or one replica of it.
    #[arg(long, value_name = "REGION[/REPLICA]")]
    pub region: Option<Place>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Print every check with its reason and its remedy (docs/doctor.md), and look at nothing.
    #[arg(long)]
    pub catalogue: bool,
    /// Keystone's own configuration, where keyward runs beside a Keystone; later files win.
    #[arg(long, value_name = "FILE")]
    pub keystone_conf: Vec<PathBuf>,
    /// Files of the region's services: their logins are tried at both Keystones.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub service_conf: Vec<PathBuf>,
    /// What `keyward fingerprint` printed on a Keystone's host of the master's region, to compare keys.
    #[arg(long, value_name = "FILE")]
    pub fingerprints: Option<PathBuf>,
    /// HAProxy's configuration on this host, to see what its health check asks.
    #[arg(long, value_name = "FILE")]
    pub haproxy_cfg: Option<PathBuf>,
    /// A memcached of the region's Keystone; without it those of --keystone-conf.
    #[arg(long, value_name = "HOST:PORT")]
    pub memcached: Vec<String>,
    /// Administrator at the replica, to see the rights of Keystone's account: USER@HOST:PORT, or a unix socket's path.
    #[arg(long, value_name = "ADMIN", value_parser = NonEmptyStringValueParser::new())]
    pub replica_admin: Option<String>,
}

/// `keyward fingerprint`
#[derive(Clone, Debug, Default, Args)]
pub struct Fingerprint {
    /// Keystone's configuration on this host; later files win [default: /etc/keystone/keystone.conf].
    #[arg(long, value_name = "FILE")]
    pub keystone_conf: Vec<PathBuf>,
}
