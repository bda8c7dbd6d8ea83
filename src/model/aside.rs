//! Old schemas moved aside: their dated names, and the journal of a move, which a table in the dated schema carries.

/// The table in a dated schema that remembers the move: its rows what could not be renamed, its comment how far it is.
pub const JOURNAL: &str = "moved_by_keyward";

/// What the mark of a schema begins with that an unfinished copy made.
pub const UNFINISHED: &str = "keyward set-up not finished, made by keyward and safe to drop: ";

/// Stands between a schema's own name and the date.
const MIDDLE: &str = "_keyward_";
/// `20261122_120000`
const DATE: usize = 15;
/// The most characters of a schema's name.
const MOST: usize = 64;

/// The dated name of a schema: `keystone_keyward_20261122_120000`, in at most 64 characters.
///
/// `place` tells apart schemas whose names begin alike and are too long; `date` has the form `20261122_120000`.
pub fn dated(schema: &str, place: usize, date: &str) -> String {
    format!("{}{date}", dated_prefix(schema, place))
}

/// What every dated name of a schema begins with: `keystone_keyward_`.
pub fn dated_prefix(schema: &str, place: usize) -> String {
    let room = MOST - MIDDLE.len() - DATE;
    let base: String = match schema.chars().count() {
        0..=40 => schema.to_owned(),
        _ => {
            let number = format!("_{place}");
            schema.chars().take(room - number.len()).chain(number.chars()).collect()
        }
    };
    format!("{base}{MIDDLE}")
}

/// Whether a schema's name is one that keyward gives to what it moved aside.
pub fn is_dated(name: &str) -> bool {
    let Some((base, date)) = name.rsplit_once(MIDDLE) else { return false };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let date = date
        .split_once('_')
        .is_some_and(|(day, time)| day.len() == 8 && time.len() == 6 && digits(day) && digits(time));
    !base.is_empty() && date
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was decided; what cannot be renamed is being written down, and the old schema is as it was.
    Recording,
    /// Everything is written down; the old schema is being taken apart.
    Moving,
    /// The old schema is gone, and everything of it is in the dated one.
    Moved,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Stage::Recording => "recording",
            Stage::Moving => "moving",
            Stage::Moved => "moved",
        }
    }
}

/// The move of one schema, as its journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The schema that is moved.
    pub of: String,
    /// The dated schema.
    pub into: String,
    /// How far it is; absent before its journal is there.
    pub stage: Option<Stage>,
}

impl Move {
    /// Whether it has begun and is not whole.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Some(Stage::Recording | Stage::Moving))
    }
}

const BEFORE: &str = "keyward moves schema ";
const BETWEEN: &str = " into this one: ";

/// The comment of a journal.
pub fn comment(of: &str, stage: Stage) -> String {
    format!("{BEFORE}{of}{BETWEEN}{}", stage.word())
}

/// Reads the comment of the journal in schema `into`; `None` when keyward did not write it.
pub fn read(into: &str, comment: &str) -> Option<Move> {
    let (of, word) = comment.strip_prefix(BEFORE)?.rsplit_once(BETWEEN)?;
    let stage = [Stage::Recording, Stage::Moving, Stage::Moved].into_iter().find(|stage| stage.word() == word)?;
    is_dated(into).then(|| Move { of: of.to_owned(), into: into.to_owned(), stage: Some(stage) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_names_fit_differ_and_are_known_again() {
        let date = "20261122_120000";
        assert_eq!(dated("keystone", 1, date), "keystone_keyward_20261122_120000");
        let long: String = "ü".repeat(64);
        for name in ["k", &"x".repeat(40), &"x".repeat(41), &long] {
            let dated = dated(name, 3, date);
            assert!(dated.chars().count() <= 64 && is_dated(&dated), "{dated}");
        }
        assert_ne!(dated(&long, 1, date), dated(&long, 2, date));
        for other in ["keystone", "_keyward_20261122_120000", "k_keyward_2026112_120000", "k_keyward_20261122_12000x"] {
            assert!(!is_dated(other), "{other}");
        }
    }

    #[test]
    fn a_journal_says_what_is_moved_and_how_far_it_is() {
        let into = "keystone_keyward_20261122_120000";
        for stage in [Stage::Recording, Stage::Moving, Stage::Moved] {
            let found = read(into, &comment("odd into this one: moved", stage)).unwrap();
            assert_eq!((found.of.as_str(), found.stage), ("odd into this one: moved", Some(stage)));
            assert_eq!(found.is_open(), stage != Stage::Moved);
        }
        assert_eq!(read(into, "somebody's own comment"), None);
        assert_eq!(read("keystone", &comment("keystone", Stage::Moving)), None);
    }
}
