//! The flags of `keyward catalog-merge`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::region;
use crate::model::RegionName;

/// How the connection to the second cloud's server is protected, as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FromTls {
    /// No TLS.
    Disabled,
    /// TLS, whoever answers.
    Required,
    /// TLS, the certificate names the host.
    VerifyIdentity,
}

/// `keyward catalog-merge`
#[derive(Clone, Debug, Args)]
pub struct CatalogMerge {
    /// The second cloud's database server, only read: HOST:PORT with keyward's own account, USER@HOST:PORT, or a unix
    /// socket's path (USER@/path).
    #[arg(long, value_name = "ADDRESS", value_parser = NonEmptyStringValueParser::new())]
    pub from: String,
    /// What its region is called from now on.
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub region: RegionName,
    /// What its region is called in its own catalogue; needed where that has several.
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    pub from_region: Option<String>,
    /// Keystone's schema on the master; one of the settings' when left out.
    #[arg(long, value_name = "SCHEMA", value_parser = NonEmptyStringValueParser::new())]
    pub database: Option<String>,
    /// Keystone's schema on the second cloud's server; the same name when left out.
    #[arg(long, value_name = "SCHEMA", value_parser = NonEmptyStringValueParser::new())]
    pub from_database: Option<String>,
    /// How the connection to the second cloud's server is protected; as the settings say when left out.
    #[arg(long, value_name = "MODE")]
    pub from_tls: Option<FromTls>,
    /// Administrator at the master: USER@HOST:PORT, or a unix socket's path (USER@/path).
    #[arg(long, value_name = "ADMIN", value_parser = NonEmptyStringValueParser::new())]
    pub master_admin: Option<String>,
    /// Do it, in one transaction; without this the steps are only shown.
    #[arg(long)]
    pub apply: bool,
    /// Print what an administrator has to run on the master by hand, and change nothing.
    #[arg(long, conflicts_with = "apply")]
    pub print_sql: bool,
    /// Where the three tables are kept as they were; the folder `catalog` of `state_dir` when left out.
    #[arg(long, value_name = "FOLDER")]
    pub backup_dir: Option<PathBuf>,
}
