//! Undoing a switch by its record: each file byte for byte as it was, or, when somebody has edited it since, the URLs
//! alone.

use std::fs;
use std::io;
use std::path::Path;

use super::files::{self, Content};
use super::record::{self, Book, Record, Switched, fingerprint};
use super::{Run, SwitchError, Tell, count, units};
use crate::switch::Kind;
use crate::switch::edit::{self, Since};
use crate::switch::plan::Edit;
use crate::switch::url::masked;

/// How an undoing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Every URL is what it was before, or there was nothing to undo.
    Wholly,
    /// A URL had been changed by somebody else meanwhile, or a file is gone: they were named, and left.
    WithRemarks,
}

/// What is to be done to one file.
struct Back {
    content: Content,
    /// The text to write; `None` when it is as it was.
    text: Option<Vec<u8>>,
    /// The same as edits of the text that is there, for people.
    edits: Vec<Edit>,
    /// It is byte for byte what it was before the switch.
    exact: bool,
}

/// Undoes the switch that is on record.
///
/// # Errors
/// Everything that speaks against it, with nothing changed; or what failed half-way: the next run goes on.
pub fn revert(run: &Run, tell: Tell<'_>) -> Result<Undone, SwitchError> {
    let book = if run.dry || record::peek(&run.state)?.is_none() { None } else { Some(Book::open(&run.state)?) };
    // read under the lock, where one is held
    let Some(mut record) = record::peek(&run.state)? else {
        tell(&format!("nothing to undo: no switch is on record in {}", run.state.display()));
        return Ok(Undone::Wholly);
    };
    let mut end = Undone::Wholly;
    let backs = read_all(&record, &mut end, tell)?;
    // one that was removed since must not stand in the way home
    let gone = |unit: &String| units::is_known(unit).is_ok_and(|known| !known);
    for unit in record.units.extract_if(.., |unit| gone(unit)) {
        tell(&format!("{unit}: systemd does not know it any more, so it is not restarted"));
    }
    units::check(&run.units)?;
    record.add_units(&run.units);
    let changing = || backs.iter().filter(|back| back.text.is_some());
    for back in changing() {
        files::check(Path::new(&back.content.path))?;
    }
    let Some(book) = book else {
        for back in changing() {
            tell(edit::diff(&back.content.path, &back.content.text, &back.edits).trim_end());
        }
        tell(&format!("would undo the switch {} in {} files", record.turns, changing().count()));
        return Ok(end);
    };
    record.restart_due |= changing().count() > 0 && !record.units.is_empty();
    book.write(&record)?;
    for switched in &record.files {
        files::clear(Path::new(&switched.path));
    }
    for back in &backs {
        tell(&write(back, run)?);
    }
    if record.restart_due {
        units::restart(&record.units)?;
        tell(&format!("restarted {}", record.units.join(", ")));
    }
    book.close()?;
    Ok(end)
}

/// Reads every file of the record, the last that was written first.
fn read_all(record: &Record, end: &mut Undone, tell: Tell<'_>) -> Result<Vec<Back>, SwitchError> {
    let (mut backs, mut problems) = (Vec::new(), Vec::new());
    for switched in record.files.iter().rev() {
        let path = Path::new(&switched.path);
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tell(&format!("{}: is gone; as it was before the switch: {}", switched.path, switched.copy));
                *end = Undone::WithRemarks;
                continue;
            }
            _ => {}
        }
        match files::read(path) {
            Ok(content) => backs.push(back(content, switched, end, tell)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(backs) } else { Err(problems.into()) }
}

fn back(content: Content, switched: &Switched, end: &mut Undone, tell: Tell<'_>) -> Back {
    let now = fingerprint(&content.text);
    if switched.before.as_deref() == Some(&now) {
        return Back { content, text: None, edits: Vec::new(), exact: true };
    }
    if switched.before.is_some() && switched.after == now {
        let old = edit::undo(&content.text, &switched.edits);
        if let Some(old) = old.filter(|old| switched.before.as_deref() == Some(&fingerprint(old))) {
            let edits = edit::turned_around(&switched.edits);
            return Back { content, text: Some(old), edits, exact: true };
        }
    }
    let (edits, told) = edit::undo_by_name(&content.text, Kind::of(&content.path), &switched.edits);
    for (one, since) in switched.edits.iter().zip(told) {
        let what = match since {
            Since::Stands | Since::Undone => continue,
            Since::Changed => "was changed by somebody else since the switch, and stays",
            Since::Gone => "is not there any more",
        };
        tell(&format!(
            "{}: [{}] {} {what}; before the switch it was {}",
            content.path,
            one.section,
            one.key,
            masked(&one.before)
        ));
        *end = Undone::WithRemarks;
    }
    let text = (!edits.is_empty()).then(|| edit::apply(&content.text, &edits));
    Back { content, text, edits, exact: false }
}

/// Writes one file back; what was done, as a line for the reader.
fn write(back: &Back, run: &Run) -> Result<String, SwitchError> {
    let path = &back.content.path;
    let Some(text) = &back.text else {
        return Ok(match back.exact {
            true => format!("{path}: is as it was before the switch"),
            false => format!("{path}: nothing to turn back"),
        });
    };
    let told = if back.exact {
        format!("{path}: as it was before the switch, byte for byte")
    } else {
        let copy = files::keep(Path::new(path), &back.content.text, run.at)?;
        let urls = count(back.edits.len());
        format!("{path}: was edited since the switch, so only the URLs were turned back ({urls}); as it was: {copy}")
    };
    files::replace(Path::new(path), &back.content.text, text)
        .map_err(|why| format!("{why}\nnot every file is turned back: run --revert again to finish"))?;
    Ok(told)
}
