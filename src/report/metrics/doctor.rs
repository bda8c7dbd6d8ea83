//! What the daemon's last examination found, and the memcached servers that it asked.

use super::gauges::Families;
use crate::model::view::DoctorView;

/// The metrics of an examination.
pub(super) fn families(out: &mut Families, doctor: &DoctorView) {
    for (severity, count) in [("critical", doctor.critical), ("warning", doctor.warning), ("info", doctor.info)] {
        out.gauge(
            "keyward_doctor_findings",
            "What the daemon's last examination found, by severity; `keyward doctor` names it.",
            &[("severity", severity)],
            Some(count as f64),
        );
    }
    out.gauge(
        "keyward_doctor_unasked",
        "For how many reasons the daemon's last examination could not look at everything.",
        &[],
        Some(doctor.unasked as f64),
    );
    out.gauge(
        "keyward_doctor_checked_timestamp_seconds",
        "When the daemon last examined its regions.",
        &[],
        Some(doctor.checked_at.as_millisecond() as f64 / 1_000.0),
    );
    for cache in &doctor.caches {
        let labels = [("server", cache.server.as_str())];
        out.gauge(
            "keyward_memcached_up",
            "Whether the memcached answered at the last examination.",
            &labels,
            Some(f64::from(cache.up)),
        );
        let number = |value: Option<u64>| value.map(|value| value as f64);
        let seen = |value| Some(number(value).unwrap_or(f64::NAN));
        let help = "Bytes that its items take; NaN while it does not answer.";
        out.gauge("keyward_memcached_bytes", help, &labels, seen(cache.bytes));
        let help = "Bytes that they may take; NaN while it does not answer.";
        out.gauge("keyward_memcached_limit_bytes", help, &labels, seen(cache.limit_bytes));
        let counters = [
            (
                "keyward_memcached_evictions_total",
                "Items thrown out for lack of room since its start.",
                cache.evictions,
            ),
            (
                "keyward_memcached_touch_misses_total",
                "Items that were to be kept longer and were gone.",
                cache.touch_misses,
            ),
        ];
        for (name, help, value) in counters {
            if let Some(value) = number(value) {
                out.counter(name, help, &labels, value);
            }
        }
    }
}
