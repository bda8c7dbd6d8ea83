//! p
use crate::model::view::Snapshot;
/// p
pub fn html(_: &Snapshot) -> String {
    String::new()
}
