//! The statement that makes an event, and the one word in it that is changed when it must not run.

use super::text::outside_quotes;

/// An event's statement, changed so that the event does not run; `state` is what stands in place of `ENABLE`. `None`
/// when the statement is not one that a server prints.
pub fn asleep(create: &[u8], state: &str) -> Option<Vec<u8>> {
    let marker: &[u8] = b" ON COMPLETION ";
    let at = outside_quotes(create, marker)? + marker.len();
    let rest = &create[at..];
    let rest_at = at + [b"NOT PRESERVE ".as_slice(), b"PRESERVE "].iter().find(|word| rest.starts_with(word))?.len();
    let states = [b"DISABLE ON SLAVE".as_slice(), b"DISABLE ON REPLICA", b"DISABLE", b"ENABLE"];
    let old = states.iter().find(|old| create[rest_at..].starts_with(old))?;
    Some([&create[..rest_at], state.as_bytes(), &create[rest_at + old.len()..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_put_to_sleep_and_nothing_else_in_it_changes() {
        let create = |state: &str| {
            format!(
                "CREATE EVENT `a ON COMPLETION PRESERVE ENABLE` ON SCHEDULE EVERY '1' HOUR ON COMPLETION NOT PRESERVE \
                 {state} COMMENT 'DISABLE' DO select 1"
            )
        };
        for state in ["ENABLE", "DISABLE", "DISABLE ON SLAVE", "DISABLE ON REPLICA"] {
            let asleep = asleep(create(state).as_bytes(), "DISABLE").unwrap();
            assert_eq!(String::from_utf8(asleep).unwrap(), create("DISABLE"));
        }
        assert_eq!(asleep(b"CREATE EVENT `a`", "DISABLE"), None);
    }
}
