//! The HAProxies of the settings' hooks, each looked at once.

use std::path::Path;
use std::time::Duration;

use super::conf;
use crate::config::Settings;
use crate::doctor::facts::{Asked, Proxy, ProxyLook};
use crate::model::Moment;
use crate::model::haproxy::Haproxy;
use crate::model::hook::HookKind;
use crate::observe::haproxy;

/// Limit of one look.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at every one.
pub async fn read(settings: &Settings) -> Vec<Proxy> {
    let mut proxies = Vec::new();
    for region in &settings.regions {
        for hook in &region.failover.hooks {
            let HookKind::Haproxy(proxy) = &hook.kind else { continue };
            let name = format!("hook {} of {}", hook.name, region.name);
            let backends = proxy.names().filter_map(|name| Some(name.split_once('/')?.0.to_owned())).collect();
            proxies.push(Proxy { looked: Ok(look(proxy).await), backends, name });
        }
    }
    proxies
}

/// The configuration of the HAProxy on this host.
pub async fn configuration(path: Option<&Path>) -> Asked<String> {
    match path {
        Some(path) => conf::text(path).await,
        None => Err("HAProxy's own health check is seen with --haproxy-cfg FILE, on its host".to_owned()),
    }
}

async fn look(proxy: &Haproxy) -> ProxyLook {
    // a socket that does not answer is a finding, and nothing that was not asked
    let facts = match haproxy::look(proxy, LIMIT, Moment::default).await.result {
        Ok(facts) => facts,
        Err(why) => return ProxyLook { hindrance: Some(why), unfit: Vec::new() },
    };
    let states = proxy.local.iter().filter_map(|name| Some((name, facts.servers.get(name)?)));
    let unfit = states.filter(|(_, state)| !state.is_settable());
    let unfit = unfit.map(|(name, state)| format!("{name} is {}", state.words())).collect();
    let hindrance = facts.hindrance(proxy).map(|why| format!("HAProxy at {} {why}", proxy.socket));
    ProxyLook { hindrance, unfit }
}
