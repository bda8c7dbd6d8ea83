//! Where a web server is found.

use std::fmt;

use super::names::Address;
use super::secret::Secret;

/// A text in which every byte but the `plain` ones stands as `%XX`.
pub fn percent_encoded(text: &str, plain: impl Fn(u8) -> bool) -> String {
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A text with its `%XX` made plain; none when a percent sign is followed by anything else, or they make no UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
    let digit = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => 16 * digit(rest.next())? + digit(rest.next())?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Where keyward speaks HTTP to. Displayed without path and query, which may hold tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebUrl {
    /// `https`, not `http`.
    pub https: bool,
    /// Host and port.
    pub server: Address,
    /// The authority as it was written, for the header `Host`.
    pub authority: String,
    /// Path and query.
    pub path: Secret,
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_made_plain_or_nothing_is() {
        assert_eq!(percent_decoded("p%40ss%2Fw%25rd").as_deref(), Some("p@ss/w%rd"));
        for strange in ["%4", "%", "%zz", "%+5", "%-1", "% 5", "%ff"] {
            assert_eq!(percent_decoded(strange), None, "{strange}");
        }
        let all = "a/\u{e9} %";
        assert_eq!(percent_decoded(&percent_encoded(all, |_| false)).as_deref(), Some(all));
    }
}
