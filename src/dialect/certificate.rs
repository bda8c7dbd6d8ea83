//! How a server tells until when its certificate is valid; both families say it in OpenSSL's words.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::answer::{Table, table};

/// Until when the server's certificate is valid, as `SHOW STATUS LIKE 'Ssl_server_not_after'` says it; none without TLS,
/// and where nobody can read what it says.
pub fn valid_until(tables: &[Table]) -> Option<Timestamp> {
    let answer = table(tables, "Variable_name")?.records().next()?;
    read(answer.text("Value").ok()??)
}

/// For example `Nov 22 05:14:16 2026 GMT`; days below ten have one more space before them.
fn read(text: &str) -> Option<Timestamp> {
    let at = DateTime::strptime("%b %d %H:%M:%S %Y", text.trim().strip_suffix(" GMT")?).ok()?;
    Offset::UTC.to_timestamp(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_is_read_and_nothing_else() {
        for (said, meant) in [
            ("Nov 22 05:14:16 2026 GMT", Some("2026-11-22T05:14:16Z")),
            ("Feb  2 23:59:59 2048 GMT", Some("2048-02-02T23:59:59Z")),
            ("", None),
            ("Nov 22 05:14:16 2026", None),
            ("Nov 31 05:14:16 2026 GMT", None),
            ("2026-11-22T05:14:16Z", None),
        ] {
            let column = |name: &str| name.to_owned();
            let row = vec![Some("Ssl_server_not_after".to_owned()), Some(said.to_owned())];
            let table = Table { columns: vec![column("Variable_name"), column("Value")], rows: vec![row] };
            assert_eq!(valid_until(&[table]), meant.map(|at| at.parse().unwrap()), "{said:?}");
        }
        assert_eq!(valid_until(&[]), None);
    }
}
