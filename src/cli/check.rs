//! `keyward check`: reads the settings, says in a few lines what they mean, or everything that is wrong with them.

use std::fmt::Write;
use std::path::Path;

use super::exit::Exit;
use super::output;
use crate::config::schema::{Failover, KeystoneLogin, Mode, Region, Tls, Trigger};
use crate::config::{self, Settings};
use crate::model::WebUrl;
use crate::model::hook::{HookKind, HookSpec};
use crate::model::time::friendly;

/// Checks the settings in `path`, or in the usual place.
///
/// # Errors
/// Every problem of the settings; or standard output cannot be written.
pub fn run(path: Option<&Path>) -> anyhow::Result<Exit> {
    let settings = config::load(path)?;
    output::write(&summary(&config::file(path), &settings))?;
    output::line("settings are fine")?;
    Ok(Exit::Done)
}

fn summary(path: &Path, settings: &Settings) -> String {
    let mut text = String::new();
    let mut say = |label: &str, what: String| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{label:<12}{what}");
    };
    let addresses: Vec<String> = settings.master.addresses.iter().map(ToString::to_string).collect();
    let replication = &settings.replication;
    say("settings", path.display().to_string());
    say("master", format!("{} at {}", settings.master.region, addresses.join(", ")));
    say("databases", replication.databases.join(", "));
    say("login", format!("{}, TLS {}", settings.account.user, tls(&settings.tls)));
    say("link", format!("{}, TLS {}", replication.account.user, tls(&replication.tls)));
    let (poll, probe) = (friendly(settings.poll_interval), friendly(settings.probe_timeout));
    let (connect, beat) = (friendly(settings.connect_timeout), friendly(replication.beat_interval));
    say("looks", format!("every {poll}, each at most {probe}; connecting at most {connect}; beats every {beat}"));
    say("state", settings.state_dir.display().to_string());
    say("control", settings.control_socket.display().to_string());
    if let Some(url) = &settings.master.identity_url {
        say("identity", keystone(url, settings.identity.login.as_ref()));
    }
    let scheme = if settings.http.tls_cert_file.is_some() { "https" } else { "http" };
    say("pages", format!("{scheme}://{}/", settings.http.listen));
    for region in &settings.regions {
        region_lines(region, settings.identity.local.as_ref(), &mut say);
    }
    text
}

fn region_lines(region: &Region, login: Option<&KeystoneLogin>, say: &mut impl FnMut(&str, String)) {
    say("region", region.name.to_string());
    if let Some(url) = &region.identity_url {
        let required = region.failover.require_local_identity.code();
        say("  identity", format!("{}, require {required}", keystone(url, login)));
    }
    for replica in &region.replicas {
        say("  replica", format!("{} at {}", replica.name, replica.address));
    }
    let failover = &region.failover;
    say("  failover", way_out(failover));
    let (after, lag) = (friendly(failover.failback_after), friendly(failover.failback_max_lag));
    say("  failback", format!("{}: after {after} of health, lag at most {lag}", failover.failback.code()));
    for hook in &failover.hooks {
        say("  hook", hook_line(hook));
        if let HookKind::Http { url, .. } = &hook.kind
            && !url.https
        {
            say("", "its URL begins with http://: anybody on the way can read what it posts".into());
        }
    }
    if failover.hooks.is_empty() {
        say("  hook", "none: a failover would only show in metrics, events and /local-auth".into());
    }
}

fn hook_line(hook: &HookSpec) -> String {
    let target = hook.kind.target();
    let optional = if hook.optional { ", optional" } else { "" };
    let remark = match &hook.kind {
        HookKind::Exec { .. } if !Path::new(&target).exists() => "; not on this host",
        HookKind::Http { secret: Some(_), .. } => "; signed",
        _ => "",
    };
    format!("{}: {target} (at most {}{optional}){remark}", hook.name, friendly(hook.timeout))
}

fn way_out(failover: &Failover) -> String {
    let (silence, age) = (friendly(failover.unreachable_after), friendly(failover.max_data_age));
    match failover.mode {
        Mode::Off => "off: keyward only looks".into(),
        mode => {
            let down = match failover.trigger {
                Trigger::Master => "master unreachable",
                Trigger::Identity => "identity down",
                Trigger::Either => "master unreachable or identity down",
                Trigger::Both => "master unreachable and identity down",
            };
            format!("{}: {down} for {silence}, data at most {age} old", mode.code())
        }
    }
}

fn keystone(url: &WebUrl, login: Option<&KeystoneLogin>) -> String {
    match login {
        None => format!("{url}, nobody logs in"),
        Some(KeystoneLogin::Password { user, .. }) => format!("{url}, {user} logs in"),
        Some(KeystoneLogin::ApplicationCredential { .. }) => format!("{url}, an application credential logs in"),
    }
}

fn tls(tls: &Tls) -> String {
    match &tls.ca_file {
        Some(file) => format!("{} ({})", tls.mode.code(), file.display()),
        None => tls.mode.code().to_owned(),
    }
}
