//! How names and values become SQL: quoting, and the statements of `sql/` with their gaps filled.

/// A name as an identifier, for example a schema or table.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A value as a string literal, right for every `sql_mode` but `NO_BACKSLASH_ESCAPES`.
pub fn literal(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        match c {
            '\0' => quoted.push_str("\\0"),
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\u{1a}' => quoted.push_str("\\Z"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// A schema's name as it stands in a wildcard pattern, where `_` and `%` would match anything.
pub fn wildcard_escape(name: &str) -> String {
    name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")
}

/// A statement of `sql/` without its comment lines and closing semicolon, its `{gaps}` filled with SQL text.
pub fn fill(statement: &str, gaps: &[(&str, &str)]) -> String {
    let lines: Vec<&str> = statement.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let mut rest = lines.join("\n");
    rest.truncate(rest.trim_end().trim_end_matches(';').len());
    let mut filled = String::with_capacity(rest.len());
    let mut rest = rest.as_str();
    // one pass, so that a value that looks like a gap is never filled again
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        match gaps.iter().find(|(name, _)| rest[1..].strip_prefix(name).is_some_and(|tail| tail.starts_with('}'))) {
            Some((name, text)) => {
                filled.push_str(text);
                rest = &rest[name.len() + 2..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Where `wanted` stands first outside quotes. Must begin outside of them.
pub fn outside_quotes(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut at = 0;
    while at < text.len() {
        match quote {
            // a doubled quote closes and opens again, which comes to the same
            Some(open) if text[at] == open => quote = None,
            Some(b'\'' | b'"') if text[at] == b'\\' => at += 1,
            Some(_) => {}
            None if text[at..].starts_with(wanted) => return Some(at),
            None if matches!(text[at], b'\'' | b'"' | b'`') => quote = Some(text[at]),
            None => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_and_values_stay_inside_their_quotes() {
        assert_eq!(identifier("a`b"), "`a``b`");
        assert_eq!(literal("it's \\ \n\0"), r"'it\'s \\ \n\0'");
        assert_eq!(wildcard_escape("key_st%"), r"key\_st\%");
    }

    #[test]
    fn gaps_are_filled_once_and_comments_are_left_out() {
        let statement = "-- Sets a thing; needs SUPER.\nSET {a} = {b};\n";
        assert_eq!(fill(statement, &[("a", "{b}"), ("b", "1")]), "SET {b} = 1");
    }
}
