//! Looking at the HAProxy of a hook: what its socket may do, and how its servers are. Changes nothing.

use std::time::Duration;

use crate::model::Moment;
use crate::model::haproxy::{Haproxy, HaproxyLook};
use crate::wire::haproxy::ask;

/// One look, on a connection of its own; `limit` is for all of it, `clock` says when it began.
pub async fn look(proxy: &Haproxy, limit: Duration, clock: fn() -> Moment) -> HaproxyLook {
    HaproxyLook { began: clock(), result: ask(proxy, &[], limit).await }
}
