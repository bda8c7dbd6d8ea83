//! MySQL's ids: sets of `server-uuid:first-last`, since 8.3 with a tag, `server-uuid:tag:first-last`.

use std::collections::BTreeMap;
use std::fmt;

/// The greatest number a transaction may have.
const LAST: u64 = i64::MAX as u64 - 1;

/// A server's UUID in lower case, and a tag, empty for none.
type Source = (String, String);

/// Numbers from first to last, both included.
type Interval = (u64, u64);

/// A set of transactions. Intervals of a source are in order, apart, and never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GtidSet(BTreeMap<Source, Vec<Interval>>);

/// Reads a set as servers print it and as people write it.
///
/// # Errors
/// One sentence when the text is no such set; an empty text is an empty set.
pub fn parse(text: &str) -> Result<GtidSet, String> {
    let mut all: BTreeMap<Source, Vec<Interval>> = BTreeMap::new();
    for member in text.split(',').map(str::trim_ascii).filter(|member| !member.is_empty()) {
        let wrong = || format!("{member:?} is not a set of transactions of the form UUID:1-100");
        let mut parts = member.split(':').map(str::trim_ascii);
        let uuid = uuid(parts.next().unwrap_or_default()).ok_or_else(wrong)?;
        let mut tag = String::new();
        let mut numbers = 0;
        for part in parts {
            if let Some(interval) = interval(part) {
                all.entry((uuid.clone(), tag.clone())).or_default().push(interval);
                numbers += 1;
            } else if is_tag(part) {
                tag = part.to_ascii_lowercase();
            } else {
                return Err(wrong());
            }
        }
        if numbers == 0 {
            return Err(wrong());
        }
    }
    all.values_mut().for_each(normalize);
    Ok(GtidSet(all))
}

fn uuid(text: &str) -> Option<String> {
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    let dashed = text.len() == 36 && dashes == [8, 13, 18, 23];
    (digits == 32 && dashed).then(|| text.to_ascii_lowercase())
}

fn is_tag(text: &str) -> bool {
    let head = |c: char| c.is_ascii_alphabetic() || c == '_';
    let tail = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 32 && text.starts_with(head) && text.chars().all(tail)
}

fn interval(text: &str) -> Option<Interval> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let number = |text: &str| digits(text).filter(|number| (1..=LAST).contains(number));
    match text.split_once('-') {
        None => number(text).map(|number| (number, number)),
        Some((first, last)) => {
            let (first, last) = (number(first.trim_ascii())?, number(last.trim_ascii())?);
            (first <= last).then_some((first, last))
        }
    }
}

/// Puts intervals in order and joins those that touch.
fn normalize(intervals: &mut Vec<Interval>) {
    intervals.sort_unstable();
    let mut joined: Vec<Interval> = Vec::with_capacity(intervals.len());
    for &(first, last) in intervals.iter() {
        match joined.last_mut() {
            Some((_, end)) if first <= *end + 1 => *end = (*end).max(last),
            _ => joined.push((first, last)),
        }
    }
    *intervals = joined;
}

/// What of `from` is not in `taken`.
fn remains(from: &[Interval], taken: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::new();
    for &(first, last) in from {
        let mut next = first;
        for &(begin, end) in taken.iter().filter(|(begin, end)| *end >= first && *begin <= last) {
            if begin > next {
                left.push((next, begin - 1));
            }
            next = next.max(end + 1);
        }
        if next <= last {
            left.push((next, last));
        }
    }
    left
}

impl GtidSet {
    /// How many transactions there are.
    pub fn count(&self) -> u64 {
        self.0.values().flatten().fold(0u64, |sum, (first, last)| sum.saturating_add(last - first + 1))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a server wrote transactions of both sets.
    pub fn shares_a_source(&self, other: &GtidSet) -> bool {
        self.0.keys().any(|source| other.0.contains_key(source))
    }

    /// Whether every transaction of `other` is in this set.
    pub fn contains(&self, other: &GtidSet) -> bool {
        other.subtract(self).is_empty()
    }

    /// The transactions of this set that are not in `other`.
    pub fn subtract(&self, other: &GtidSet) -> GtidSet {
        let left = self.0.iter().map(|(source, intervals)| {
            let taken = other.0.get(source).map(Vec::as_slice).unwrap_or_default();
            (source.clone(), remains(intervals, taken))
        });
        GtidSet(left.filter(|(_, intervals)| !intervals.is_empty()).collect())
    }

    /// The transactions of either set.
    pub fn union(&self, other: &GtidSet) -> GtidSet {
        let mut both = self.0.clone();
        for (source, intervals) in &other.0 {
            let mine = both.entry(source.clone()).or_default();
            mine.extend_from_slice(intervals);
            normalize(mine);
        }
        GtidSet(both)
    }
}

impl fmt::Display for GtidSet {
    /// As servers print it, on one line: tags follow their server's other numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before: Option<&str> = None;
        for ((uuid, tag), intervals) in &self.0 {
            if before != Some(uuid) {
                f.write_str(if before.is_some() { "," } else { "" })?;
                f.write_str(uuid)?;
                before = Some(uuid);
            }
            if !tag.is_empty() {
                write!(f, ":{tag}")?;
            }
            for (first, last) in intervals {
                if first == last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "017130c5-e614-11f1-bab9-02fc00000001";
    const B: &str = "94027DD9-E615-11F1-9F37-02FC00000001";

    #[test]
    fn a_set_is_printed_as_servers_print_it() {
        let text = format!("{B}:5, {A}:4-6:1-3:9:backup:2-3,\n{A}:7");
        let printed = format!("{A}:1-7:9:backup:2-3,{}:5", B.to_lowercase());
        assert_eq!(parse(&text).unwrap().to_string(), printed);
        assert_eq!(parse(&printed).unwrap().to_string(), printed);
        assert_eq!(parse("").unwrap().to_string(), "");
    }

    #[test]
    fn sets_are_subtracted_joined_and_compared() {
        let set = |numbers: &str| parse(&format!("{A}:{numbers}")).unwrap();
        assert_eq!(set("1-10").subtract(&set("3-4:8")), set("1-2:5-7:9-10"));
        assert_eq!(set("1-10").subtract(&set("1-10")), GtidSet::default());
        assert_eq!(set("1-3").union(&set("4:7")), set("1-4:7"));
        assert!(set("1-10").contains(&set("2:9")) && !set("1-10").contains(&set("10-11")));
        assert_eq!(set("1-10:20").count(), 11);
        assert_eq!(parse(&format!("{A}:x:1")).unwrap().subtract(&set("1")).count(), 1);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in
            [A.to_owned(), format!("{A}:"), format!("{A}:0"), format!("{A}:3-1"), format!("{A}:tag"), "0-1-2".into()]
        {
            assert!(parse(&text).is_err(), "{text:?}");
        }
    }
}
