//! What a hook is told: its environment, and the same as one JSON document on its standard input.

use std::collections::BTreeMap;

use crate::model::hook::HookRun;

/// The document on the hook's standard input: the members of its environment, numbers as numbers, unknown as `null`.
pub fn document(run: &HookRun) -> serde_json::Value {
    let value = |(name, text): (&'static str, String)| {
        let value = match name {
            "turn" | "attempt" | "manual" | "data_age_seconds" => {
                serde_json::from_str(&text).unwrap_or(serde_json::Value::Null)
            }
            _ => serde_json::Value::String(text),
        };
        (name.to_owned(), value)
    };
    serde_json::Value::Object(run.members().into_iter().map(value).collect())
}

/// The whole environment of a hook.
pub fn environment(run: &HookRun) -> BTreeMap<String, std::ffi::OsString> {
    let inherited = |name: &str, otherwise: &str| std::env::var_os(name).unwrap_or_else(|| otherwise.into());
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), inherited("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")),
        ("HOME".to_owned(), inherited("HOME", "/")),
        ("LANG".to_owned(), inherited("LANG", "C.UTF-8")),
    ]);
    for (name, value) in run.members() {
        all.insert(format!("KEYWARD_{}", name.to_uppercase()), for_environment(&value).into());
    }
    all
}

/// The system takes no NUL and no more than 128 KiB in one value, and would not start the hook at all.
fn for_environment(value: &str) -> String {
    const LONGEST: usize = 16 * 1024;
    let ends = value.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= LONGEST).last().unwrap_or(0);
    value[..end].replace('\0', " ")
}
