//! Plants bugs into a copy of sources: each original text becomes a choice between itself and its bugs, made at run time.

use std::collections::BTreeMap;

/// A bug.
#[derive(Clone, Copy, Debug)]
pub struct Bug {
    /// What it does.
    pub name: &'static str,
    /// The file, below `src/`.
    pub file: &'static str,
    /// An expression, or a statement with its semicolon, that occurs there exactly once.
    pub original: &'static str,
    /// What stands there instead.
    pub bug: &'static str,
    /// The mood of the worlds in which it is hunted, where others hardly ever show it.
    pub mood: Option<&'static str>,
}

/// The sources with every bug planted; the number of a bug is its place in the list.
///
/// # Errors
/// The names of the bugs that cannot be planted, each with the reason.
pub fn plant(sources: &[(String, String)], bugs: &[Bug]) -> Result<Vec<(String, String)>, String> {
    // bugs of one and the same text share a choice
    let mut places: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (number, bug) in bugs.iter().enumerate() {
        places.entry((bug.file, bug.original)).or_default().push(number);
    }
    let mut wrong = Vec::new();
    for ((file, original), numbers) in &places {
        let found = sources.iter().find(|(name, _)| name == file).map_or(0, |(_, text)| text.matches(original).count());
        if found != 1 {
            let names: Vec<&str> = numbers.iter().map(|number| bugs[*number].name).collect();
            wrong.push(format!("{}: {original:?} occurs {found} times in src/{file}", names.join(", ")));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let planted = sources.iter().map(|(name, text)| {
        let mut text = text.clone();
        for ((_, original), numbers) in places.iter().filter(|((file, _), _)| file == name) {
            if text.matches(original).count() != 1 {
                return Err(format!("{original:?} overlaps another bug in src/{name}"));
            }
            text = text.replacen(original, &choice(original, numbers, bugs), 1);
        }
        Ok((name.clone(), text))
    });
    planted.collect()
}

fn choice(original: &str, numbers: &[usize], bugs: &[Bug]) -> String {
    let mut text = String::new();
    for number in numbers {
        text.push_str(&format!("if crate::planted({number}) {{ {} }} else ", bugs[*number].bug));
    }
    text.push_str(&format!("{{ {original} }}"));
    if original.ends_with(';') { text } else { format!("({text})") }
}
