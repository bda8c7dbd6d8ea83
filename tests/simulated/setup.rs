//! The settings of one simulated world, drawn from a seed.

use std::time::Duration;

use keyward::judge::Rules;
use keyward::model::hook::{HookKind, HookSpec};
use keyward::model::phase::{Failback, LocalIdentity, Mode, Trigger};
use keyward::model::{RegionName, ReplicaName};

use super::core;
use super::keystone::known;
use super::time::{Ms, ms, span};

/// What is drawn once for a world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where it all comes from.
    pub seed: u64,
    /// What the judge goes by at first.
    pub rules: Rules,
    /// How long an answer of a server takes.
    pub latency: Ms,
    /// How long connecting takes: TCP, TLS, login.
    pub connecting: Ms,
    /// How long each hook takes when all is well.
    pub hook_takes: Vec<Ms>,
    /// Only one of several servers of the master side takes writes.
    pub standby: bool,
    /// Which hook sets an HAProxy, if one does.
    pub proxy: Option<usize>,
    /// How long a look at it takes.
    pub proxy_latency: Ms,
    /// Filter and read_only outlive a restart of a replica's server.
    pub durable: bool,
    /// How long the master is away when the daemon starts for the first time.
    pub dark_start: Ms,
    /// How long a turn of the daemon's loop takes at most: what becomes due meanwhile has passed when it ends.
    pub turn_takes: Ms,
}

/// The only region.
pub fn region() -> RegionName {
    RegionName("RegionTwo".into())
}

/// A replica by its number.
pub fn replica(number: usize) -> ReplicaName {
    ReplicaName(format!("r2-db{}", number + 1))
}

/// One of several.
pub fn pick<T: Copy>(random: &mut fastrand::Rng, choices: &[T]) -> T {
    choices[random.usize(..choices.len())]
}

impl Setup {
    /// The world of `seed`.
    pub fn draw(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ 0x5e7_0b5e_55ed);
        let random = &mut random;
        let poll = pick(random, &[50, 100, 200, 250, 250, 500, 500, 1_000]);
        let fits: Vec<Ms> = [500, 1_000, 2_000, 4_000, 10_000].into_iter().filter(|after| *after >= 4 * poll).collect();
        let unreachable = pick(random, &fits[..fits.len().min(3)]);
        let longest = (unreachable - poll) / 3;
        let probe_timeout = if random.u32(..3) == 0 { longest } else { random.u64(poll.min(200)..=longest) };
        let beat = pick(random, &[poll, (unreachable - poll) / 2]).min(1_000);
        let patience = 2 * beat.max(poll) + poll + probe_timeout;
        let max_data_age = pick(random, &[86_400_000, 86_400_000, 3 * unreachable + 2 * patience]);
        let hooks = random.usize(1..=3);
        let all_optional = random.u32(..20) == 0;
        let optional: Vec<bool> = (0..hooks).map(|hook| all_optional || (hook > 0 && random.u32(..3) == 0)).collect();
        let timeouts: Vec<Ms> = (0..hooks).map(|_| random.u64(2_000..=8_000)).collect();
        let proxy = random.bool().then(|| random.usize(..hooks));
        let mut rules = Rules {
            poll_interval: span(poll),
            probe_timeout: span(probe_timeout),
            beat_interval: span(beat),
            unreachable_after: span(unreachable),
            failback_after: span(random.u64(unreachable / 2..=2 * unreachable).max(500)),
            failback_max_lag: span(2 * (beat + poll) + probe_timeout),
            max_data_age: span(max_data_age),
            mode: pick(random, &[Mode::Auto, Mode::Auto, Mode::Auto, Mode::Auto, Mode::Manual]),
            failback: pick(random, &[Failback::Auto, Failback::Auto, Failback::Auto, Failback::Manual]),
            hooks: (0..hooks).map(|hook| spec(hook, optional[hook], span(timeouts[hook]))).collect(),
            replicas: (0..random.usize(1..=2)).map(|number| (replica(number), core::address(number + 2))).collect(),
            ..core::rules()
        };
        let addresses = pick(random, &[1, 1, 1, 1, 2, 2, 3]);
        rules.master_addresses = (0..addresses).map(|place| core::address(core::master(place))).collect();
        for (number, spec) in rules.hooks.iter_mut().enumerate() {
            match proxy {
                Some(proxy) if proxy == number => spec.kind = HookKind::Haproxy(core::proxy()),
                _ if random.u32(..4) == 0 => spec.kind = core::http(),
                _ => {}
            }
        }
        draw_keystones(seed, &mut rules);
        Self {
            seed,
            standby: random.bool(),
            proxy,
            // mostly its answers come with those of the servers
            proxy_latency: if random.u32(..4) == 0 {
                random.u64(1..=probe_timeout / 4 + 1)
            } else {
                poll.min(probe_timeout)
            },
            latency: random.u64(1..=(probe_timeout / 4).max(1)),
            connecting: random.u64(1..=probe_timeout * 3 / 2),
            hook_takes: (0..hooks).map(|_| random.u64(10..=1_500)).collect(),
            durable: random.u32(..4) > 0,
            dark_start: if random.u32(..4) == 0 { random.u64(1..=4 * unreachable) } else { 0 },
            turn_takes: random.u64(0..=poll / 4),
            rules,
        }
    }

    /// The time between looks.
    pub fn poll(&self) -> Ms {
        ms(self.rules.poll_interval)
    }

    /// How many addresses the master has.
    pub fn addresses(&self) -> usize {
        self.rules.master_addresses.len()
    }

    /// The time limit of a look.
    pub fn probe_timeout(&self) -> Ms {
        ms(self.rules.probe_timeout)
    }

    /// The time between beats.
    pub fn beat(&self) -> Ms {
        ms(self.rules.beat_interval)
    }

    /// The patience with the master that was drawn.
    pub fn unreachable(&self) -> Ms {
        ms(self.rules.unreachable_after)
    }

    /// The settings on one line.
    pub fn words(&self) -> String {
        let rules = &self.rules;
        let optional = |hook: &HookSpec| if hook.optional { "?" } else { "" };
        let hook =
            |hook: &HookSpec| format!("{}{} ({}, {:?})", hook.name, optional(hook), hook.kind.code(), hook.timeout);
        let hooks: Vec<String> = rules.hooks.iter().map(hook).collect();
        format!(
            "trigger {}, require_local_identity {}, Keystones every {:?}, poll_interval {:?}, probe_timeout {:?}, beat_interval {:?}, unreachable_after {:?}, failback_after {:?}, \
             failback_max_lag {:?}, max_data_age {:?}, mode {}, failback {}, {} address(es), standby {}, {} replica(s), \
             hooks {}, latency {} ms, \
             connecting {} ms, durable {}, dark for {} ms at the start, turns of {} ms at most",
            rules.trigger.code(),
            rules.require_local_identity.code(),
            rules.identity.as_ref().or(rules.local_identity.as_ref()).map(|keystone| keystone.interval),
            rules.poll_interval,
            rules.probe_timeout,
            rules.beat_interval,
            rules.unreachable_after,
            rules.failback_after,
            rules.failback_max_lag,
            rules.max_data_age,
            rules.mode.code(),
            rules.failback.code(),
            rules.master_addresses.len(),
            self.standby,
            rules.replicas.len(),
            hooks.join(" "),
            self.latency,
            self.connecting,
            self.durable,
            self.dark_start,
            self.turn_takes
        )
    }
}

/// Three worlds of four know the region's own Keystone, and half of them RegionOne's; from a stream of its own, so that
/// the rest of a world is as it would be without.
fn draw_keystones(seed: u64, rules: &mut Rules) {
    let mut random = fastrand::Rng::with_seed(seed ^ 0x1de_2717);
    let interval = rules.poll_interval * random.u32(1..=2);
    let timeout = (rules.unreachable_after - interval) / 3;
    if random.bool() {
        rules.identity = Some(known("http://10.0.0.1:5000", interval, timeout));
        rules.trigger = pick(&mut random, &Trigger::ALL);
    }
    if random.u32(..4) > 0 {
        rules.local_identity = Some(known("http://10.0.0.2:5000", interval, timeout));
        let required = [LocalIdentity::Off, LocalIdentity::Validates, LocalIdentity::FirstLogin];
        rules.require_local_identity = pick(&mut random, &required);
    }
}

/// A hook by its number.
pub fn spec(number: usize, optional: bool, timeout: Duration) -> HookSpec {
    core::hook(&core::hook_name(number), optional, timeout)
}
