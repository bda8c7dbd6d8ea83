//! The memcached servers of the region's own Keystone.

use super::facts::{CacheStats, Facts};
use super::{Answer, Check, Severity};

/// The checks of this group.
pub const CHECKS: [Check; 3] = [
    Check {
        id: "memcached-down",
        severity: Severity::Warning,
        looks_at: "Whether each memcached answers `stats`.",
        why: "Keystone works without its cache, but some logins wait 5 s for a server that does not answer.",
        mend: "Start the server, or take it out of `[cache] memcache_servers`.",
        judge: down,
    },
    Check {
        id: "memcached-full",
        severity: Severity::Warning,
        looks_at: "How full each memcached is: bytes against its limit, and items that were thrown out for lack of room.",
        why: "What is thrown out is asked of the database again: Keystone is slow just when everybody logs in.",
        mend: "Give it more memory (`-m`, CACHESIZE), restart it, and see whether it now holds more items.",
        judge: full,
    },
    Check {
        id: "memcached-touch-misses",
        severity: Severity::Info,
        looks_at: "Items that were to be kept longer and were gone already (`touch_misses`), where most are.",
        why: "Sessions and tokens that are kept in memcached get lost when it is too small.",
        mend: "When the number goes on growing, give it more memory (`-m`, CACHESIZE).",
        judge: touch_misses,
    },
];

/// Above this share of its limit a memcached is about to throw items out.
const FULL: f64 = 0.95;

/// So many touches tell something.
const ENOUGH_TOUCHES: u64 = 10;

fn each<'a>(facts: &'a Facts, answer: &mut Answer) -> Vec<(&'a str, &'a CacheStats)> {
    let Some(caches) = answer.need(&facts.caches) else { return Vec::new() };
    caches.iter().filter_map(|cache| Some((cache.name.as_str(), answer.need(&cache.stats)?))).collect()
}

fn down(facts: &Facts, answer: &mut Answer) {
    let Some(caches) = answer.need(&facts.caches) else { return };
    for cache in caches {
        if let Err(why) = &cache.stats {
            answer.find(why.clone());
        }
    }
}

fn full(facts: &Facts, answer: &mut Answer) {
    for (name, stats) in each(facts, answer) {
        if stats.evictions > 0 {
            answer.find(format!("the memcached {name} has thrown out {} items for lack of room", stats.evictions));
        } else if stats.limit_bytes > 0 && stats.bytes as f64 > stats.limit_bytes as f64 * FULL {
            let (used, limit) = (stats.bytes, stats.limit_bytes);
            answer.find(format!("the memcached {name} is full: {used} of {limit} bytes are used"));
        }
    }
}

fn touch_misses(facts: &Facts, answer: &mut Answer) {
    for (name, stats) in each(facts, answer) {
        let CacheStats { touch_misses, touch_hits, .. } = *stats;
        if touch_misses > touch_hits && touch_misses >= ENOUGH_TOUCHES {
            answer.find(format!(
                "the memcached {name} had lost {touch_misses} items of {} that were to be kept longer",
                touch_misses + touch_hits
            ));
        }
    }
}

/// Reads the answer to `stats`.
///
/// # Errors
/// What it lacks.
pub fn read_stats(text: &str) -> Result<CacheStats, String> {
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
        let (_, value) = lines.find(|(key, _)| *key == name).ok_or_else(|| format!("its statistics lack {name}"))?;
        value.trim().parse::<u64>().map_err(|_| format!("its statistics say {name} {value}"))
    };
    Ok(CacheStats {
        uptime_seconds: value("uptime")?,
        bytes: value("bytes")?,
        limit_bytes: value("limit_maxbytes")?,
        evictions: value("evictions")?,
        touch_misses: value("touch_misses")?,
        touch_hits: value("touch_hits")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_memcached_is_told() {
        assert_eq!(read_stats("HTTP/1.1 400 Bad Request").unwrap_err(), "its statistics lack uptime");
        assert_eq!(read_stats("STAT uptime soon\r\n").unwrap_err(), "its statistics say uptime soon");
    }
}
