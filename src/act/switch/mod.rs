//! `keyward switch-auth`: configuration files pointed at another Keystone, all of them or none, and back again.
//!
//! Everything is read and checked before anything is written. The record is on disk before the first file changes, and
//! each file is replaced by a rename, so a run that is killed leaves every file whole and the next run goes on.

pub mod files;
mod record;
mod undo;
mod units;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use self::files::Content;
use self::record::{Book, Record, Switched, fingerprint};
use crate::switch::address::Turns;
use crate::switch::plan::{self, Other, Plan};
use crate::switch::{Kind, edit};

pub use self::undo::{Undone, revert};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// What is replaced by what.
    pub turns: Turns,
    /// Files, or patterns of their names.
    pub files: Vec<String>,
    /// URLs that point somewhere else stay as they are, and hold nothing back.
    pub leave_others: bool,
    /// Common to both directions.
    pub run: Run,
}

/// What a switch and its undoing have in common.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder of the record.
    pub state: PathBuf,
    /// Units of systemd to restart when a file has changed.
    pub units: Vec<String>,
    /// Show what would be done, and change nothing.
    pub dry: bool,
    /// Now, for the record and for the names of copies.
    pub at: Timestamp,
}

/// Where each line for the reader goes.
pub type Tell<'a> = &'a mut dyn FnMut(&str);

/// Why nothing was done, or what is not done: one sentence a line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SwitchError(String);

impl From<String> for SwitchError {
    fn from(sentence: String) -> Self {
        Self(sentence)
    }
}

impl From<Vec<String>> for SwitchError {
    fn from(sentences: Vec<String>) -> Self {
        Self(sentences.join("\n"))
    }
}

/// A file and what is to be done in it.
struct Work {
    content: Content,
    plan: Plan,
}

/// Switches every file of the order, or none.
///
/// # Errors
/// Everything that speaks against it, with nothing changed; or what failed half-way, with what became of it.
pub fn switch(order: &Order, tell: Tell<'_>) -> Result<(), SwitchError> {
    let work = planned(order)?;
    units::check(&order.run.units)?;
    let changing: Vec<&Work> = work.iter().filter(|one| !one.plan.edits.is_empty()).collect();
    for one in &changing {
        files::check(Path::new(&one.content.path))?;
    }
    if order.run.dry {
        standing(record::peek(&order.run.state)?, order)?;
        show(&work, order, tell);
        return Ok(());
    }
    let book = Book::open(&order.run.state)?;
    let before = standing(book.read()?, order)?;
    let due = before.as_ref().is_some_and(|record| record.restart_due);
    if changing.is_empty() && !due {
        remarks(&work, order, tell);
        tell(&format!("nothing to do: {}", summary(&work, "points", "point")));
        return Ok(());
    }
    let mut record = before.clone().unwrap_or_else(|| Record::new(order.turns.to_string(), order.run.at));
    for switched in &record.files {
        files::clear(Path::new(&switched.path));
    }
    if !changing.is_empty() {
        write_all(&book, before.as_ref(), &mut record, &changing, order)?;
    }
    for one in &work {
        tell(&line(one, &record));
    }
    remarks(&work, order, tell);
    restart(&book, &mut record, tell)
}

/// Reads and plans every file.
fn planned(order: &Order) -> Result<Vec<Work>, SwitchError> {
    let (mut work, mut problems) = (Vec::new(), Vec::new());
    for path in files::find(&order.files)? {
        match files::read(&path) {
            Ok(content) => {
                let plan = plan::plan(&content.text, Kind::of(&content.path), &order.turns);
                work.push(Work { content, plan });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if !order.leave_others {
        let others = work.iter().flat_map(|one| one.plan.others.iter().map(move |other| (one, other)));
        let told: Vec<String> =
            others.map(|(one, other)| format!("{}: {}", one.content.path, sentence(other))).collect();
        let held = told.len();
        problems.extend(told);
        if held > 0 {
            problems.push(
                "nothing was changed: correct these, give their address as a further --from, or leave them as they are \
                 with --leave-others"
                    .to_owned(),
            );
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    if work.iter().all(|one| one.plan.from + one.plan.to == 0) {
        let count = work.len();
        return Err(format!(
            "none of the authentication URLs in {count} files points at --from or --to ({})",
            order.turns
        )
        .into());
    }
    Ok(work)
}

fn sentence(other: &Other) -> String {
    let section = if other.section.is_empty() { String::new() } else { format!("[{}] ", other.section) };
    format!("line {}: {section}{} {}", other.line, other.key, other.what)
}

/// The record of a switch that stands and may be gone on with.
fn standing(record: Option<Record>, order: &Order) -> Result<Option<Record>, SwitchError> {
    match record {
        Some(record) if record.turns != order.turns.to_string() => Err(SwitchError(format!(
            "a switch {} stands since {}: undo it with --revert before another one, or keep apart what is not to be undone \
             together with --state",
            record.turns,
            record.at.strftime("%Y-%m-%d %H:%M:%S UTC")
        ))),
        other => Ok(other),
    }
}

/// Writes the record, the copies and the files; puts back what was written when one fails.
fn write_all(
    book: &Book,
    before: Option<&Record>,
    record: &mut Record,
    changing: &[&Work],
    order: &Order,
) -> Result<(), SwitchError> {
    for one in changing {
        let (path, text) = (one.content.path.clone(), &one.content.text);
        let copy = files::keep(Path::new(&path), text, order.run.at)?;
        let after = fingerprint(&edit::apply(text, &one.plan.edits));
        let edits = one.plan.edits.clone();
        record.add(text, Switched { path, before: Some(fingerprint(text)), after, edits, copy });
    }
    record.add_units(&order.run.units);
    record.restart_due |= !record.units.is_empty();
    book.write(record)?;
    let mut done: Vec<(&Path, Vec<u8>, &[u8])> = Vec::new();
    for one in changing {
        let path = Path::new(&one.content.path);
        let new = edit::apply(&one.content.text, &one.plan.edits);
        if let Err(why) = files::replace(path, &one.content.text, &new) {
            // it may have failed behind the rename
            if files::read(path).is_ok_and(|content| content.text == new) {
                done.push((path, new, &one.content.text));
            }
            return Err(put_back(book, before, &done, why));
        }
        done.push((path, new, &one.content.text));
    }
    for one in changing {
        files::thin_out(Path::new(&one.content.path));
    }
    Ok(())
}

/// After a failure: what was written is as before, or the record still says what was done.
fn put_back(book: &Book, before: Option<&Record>, done: &[(&Path, Vec<u8>, &[u8])], why: String) -> SwitchError {
    let failed: Vec<String> =
        done.iter().rev().filter_map(|(path, new, old)| files::replace(path, new, old).err()).collect();
    let mut told = vec![why];
    if failed.is_empty() {
        match before.map_or_else(|| book.close(), |record| book.write(record)) {
            Ok(()) => told.push(format!("nothing was changed: {} files are as they were", done.len())),
            Err(why) => told.push(format!("the files are as they were; {why}")),
        }
    } else {
        told.extend(failed);
        told.push(
            "not every file could be put back: run the same command again to finish, or --revert to undo".to_owned(),
        );
    }
    told.into()
}

/// Restarts what is due, and notes that it was done.
fn restart(book: &Book, record: &mut Record, tell: Tell<'_>) -> Result<(), SwitchError> {
    if record.restart_due {
        units::restart(&record.units)?;
        tell(&format!("restarted {}", record.units.join(", ")));
        record.restart_due = false;
        book.write(record)?;
    }
    Ok(())
}

fn count(number: usize) -> String {
    if number == 1 { "1 URL".to_owned() } else { format!("{number} URLs") }
}

fn line(one: &Work, record: &Record) -> String {
    let path = &one.content.path;
    let copy = record.files.iter().find(|file| file.path == *path).map_or("", |file| &file.copy);
    match (one.plan.from, one.plan.to) {
        (0, 0) => format!("{path}: no authentication URL"),
        (0, there) => format!("{path}: nothing to do, {} point there already", count(there)),
        (switched, _) => format!("{path}: {} switched; as it was: {copy}", count(switched)),
    }
}

fn summary(work: &[Work], one: &str, many: &str) -> String {
    let total: usize = work.iter().map(|work| work.plan.to).sum();
    let verb = if total == 1 { one } else { many };
    format!("{} in {} files {verb} at --to already", count(total), work.len())
}

/// The lines that would change, and what would be restarted.
fn show(work: &[Work], order: &Order, tell: Tell<'_>) {
    let changing: Vec<&Work> = work.iter().filter(|one| !one.plan.edits.is_empty()).collect();
    for one in &changing {
        tell(edit::diff(&one.content.path, &one.content.text, &one.plan.edits).trim_end());
    }
    remarks(work, order, tell);
    if changing.is_empty() {
        tell(&format!("nothing to do: {}", summary(work, "points", "point")));
        return;
    }
    let total: usize = changing.iter().map(|one| one.plan.from).sum();
    tell(&format!("would switch {} in {} of {} files {}", count(total), changing.len(), work.len(), order.turns));
    if !order.run.units.is_empty() {
        tell(&format!("would restart {}", order.run.units.join(", ")));
    }
}

/// What stays as it is, and may surprise.
fn remarks(work: &[Work], order: &Order, tell: Tell<'_>) {
    for one in work {
        let path = &one.content.path;
        if order.leave_others {
            for other in &one.plan.others {
                tell(&format!("{path}: left as it is: {}", sentence(other)));
            }
        }
        for (key, line) in &one.plan.mentions {
            let key = if key.is_empty() { "a line" } else { key };
            tell(&format!(
                "{path}: line {line}: {key} names the host of --from too, is no authentication URL, and stays"
            ));
        }
        if one.content.names > 1 && !one.plan.edits.is_empty() {
            tell(&format!("{path}: has {} names (hard links): the others keep the old text", one.content.names));
        }
    }
}
