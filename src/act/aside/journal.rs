//! The journal of a move: what cannot be renamed, written down in the dated schema before anything is touched.

use super::{AsideError, NAMES_UTF8, USE_DATABASE, find, full_name, while_doing};
use crate::dialect::event::asleep;
use crate::dialect::text::{fill, identifier, literal};
use crate::model::aside::{JOURNAL, Move, Stage, comment};
use crate::wire::session::{Line, Session, Trouble};

const NAMES_BINARY: &str = include_str!("../../../sql/common/names-binary.sql");
const SHOW_CREATE: &str = include_str!("../../../sql/common/show-create.sql");
const OBJECTS: &str = include_str!("../../../sql/common/objects.sql");
const TRIGGERS: &str = include_str!("../../../sql/common/triggers-to-move.sql");
const TRIGGER_MOVED: &str = include_str!("../../../sql/common/trigger-moved.sql");
const CREATE: &str = include_str!("../../../sql/common/journal-create.sql");
const CLEAR: &str = include_str!("../../../sql/common/journal-clear.sql");
const CLEAR_UNDO: &str = include_str!("../../../sql/common/journal-undo-clear.sql");
const WRITE: &str = include_str!("../../../sql/common/journal-write.sql");
const READ: &str = include_str!("../../../sql/common/journal-read.sql");
const COPIED: &str = include_str!("../../../sql/common/journal-copied.sql");
const STAGE: &str = include_str!("../../../sql/common/journal-stage.sql");

/// The kind of a row that says how the move is undone.
const UNDO: &str = "UNDO";
/// Far beyond the number of the last object.
const FIRST_OF_UNDO: usize = 1_000_000;
/// The kind of a row that says that a table was copied and may be dropped where it was.
const IS_COPIED: &str = "COPIED";
/// Far beyond the number of the last statement that undoes a move.
const FIRST_OF_COPIED: usize = 2_000_000;
/// What stands in a moved event's definition in place of `ENABLE`.
const ASLEEP: &str = "DISABLE";

/// One object that is made again, with the settings that it was made under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// `VIEW`, `TRIGGER`, `FUNCTION` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The statement that made it, in the character set `client`.
    pub definition: Vec<u8>,
    /// The statement that makes it in the dated schema, in the character set `moved_client`.
    pub moved: Vec<u8>,
    /// `character_set_client` when it was made.
    pub client: String,
    /// The character set of `moved`.
    pub moved_client: String,
    /// `collation_connection` when it was made.
    pub connection: String,
    /// The schema's collation when it was made; empty for a view.
    pub collation: String,
    /// `sql_mode` when it was made.
    pub mode: String,
    /// `time_zone` when it was made; empty but for an event.
    pub zone: String,
}

/// The settings of a session that makes an object, as SQL text.
pub struct Under([(&'static str, String); 4]);

impl Under {
    /// As the gaps of the statement that sets them.
    pub fn gaps(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str())).collect()
    }
}

impl Kept {
    /// The settings under which it is made, its statement being in the character set `client`.
    pub fn session(&self, client: &str) -> Under {
        let zone = if self.zone.is_empty() { "+00:00" } else { &self.zone };
        Under([
            ("client", literal(client)),
            ("connection", literal(&self.connection)),
            ("mode", literal(&self.mode)),
            ("zone", literal(zone)),
        ])
    }
}

/// Makes the journal in the dated schema.
pub async fn create(work: &mut Session, one: &Move) -> Result<(), Trouble> {
    let comment = literal(&comment(&one.of, Stage::Recording));
    work.run(fill(CREATE, &[("journal", &journal(one)), ("comment", &comment)])).await
}

/// Says how far the move is. Making the table anew flushes what was written before it, as a mere new comment does not.
pub async fn stage(work: &mut Session, one: &Move, stage: Stage) -> Result<(), Trouble> {
    let comment = literal(&comment(&one.of, stage));
    work.run(fill(STAGE, &[("journal", &journal(one)), ("comment", &comment)])).await
}

fn journal(one: &Move) -> String {
    full_name(&one.into, JOURNAL)
}

/// The kinds and names of everything in a schema but tables.
pub async fn objects(work: &mut Session, schema: &str) -> Result<Vec<(String, String)>, AsideError> {
    let doing = || while_doing(format!("list what {schema} holds"));
    let gaps = [("schema", &*literal(schema))];
    let mut all: Vec<(String, String)> = work
        .lines(fill(OBJECTS, &gaps))
        .await
        .map_err(doing())?
        .iter()
        .map(|line| (line.text("kind"), line.text("name")))
        .collect();
    let triggers = work.lines(fill(TRIGGERS, &gaps)).await.map_err(doing())?;
    // an event is made last, so that it finds what it uses
    let events = all.iter().position(|(kind, _)| kind == "EVENT").unwrap_or(all.len());
    all.splice(events..events, triggers.iter().map(|line| ("TRIGGER".to_owned(), line.text("name"))));
    Ok(all)
}

/// Writes down everything of the old schema that cannot be renamed; what an interrupted run wrote is written anew.
pub async fn record(work: &mut Session, one: &Move) -> Result<(), AsideError> {
    let doing = || while_doing(format!("write down what {} holds", one.of));
    work.run(fill(CLEAR, &[("journal", &journal(one))])).await.map_err(doing())?;
    if find(work, &one.of).await?.is_none() {
        return Ok(());
    }
    let gaps = [("schema", &*literal(&one.of))];
    let triggers = work.lines(fill(TRIGGERS, &gaps)).await.map_err(doing())?;
    let mut all = Vec::new();
    for (kind, name) in objects(work, &one.of).await? {
        let line = show(work, &one.of, &kind, &name).await.map_err(doing())?;
        let mut kept = kept(work, one, &kind, &name, &line)?;
        if let Some(line) = triggers.iter().find(|line| kind == "TRIGGER" && line.text("name") == name) {
            // its own statement may name the old schema
            kept.moved = moved_trigger(one, line).into_bytes();
            kept.moved_client = "utf8mb4".to_owned();
        }
        all.push(kept);
    }
    for (number, kept) in views_in_order(all).iter().enumerate() {
        write(work, one, number, kept).await.map_err(doing())?;
    }
    Ok(())
}

/// Puts every view after those whose names stand in its definition; all else stays where it is.
fn views_in_order(all: Vec<Kept>) -> Vec<Kept> {
    let from = all.iter().position(|kept| kept.kind == "VIEW").unwrap_or(all.len());
    let (mut waiting, others): (Vec<Kept>, Vec<Kept>) = all.into_iter().partition(|kept| kept.kind == "VIEW");
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let names: Vec<String> = waiting.iter().map(|view| identifier(&view.name)).collect();
        let is_free = |view: &Kept| {
            let text = String::from_utf8_lossy(&view.definition);
            names.iter().all(|name| *name == identifier(&view.name) || !text.contains(name.as_str()))
        };
        // two that seem to need each other only share a word
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    let mut all = others;
    all.splice(from..from, ordered);
    all
}

/// A definition, without the schema's name wherever the server can leave it out.
async fn show(work: &mut Session, schema: &str, kind: &str, name: &str) -> Result<Line, Trouble> {
    work.run(fill(USE_DATABASE, &[("name", &identifier(schema))])).await?;
    work.run(fill(NAMES_BINARY, &[])).await?;
    let line = work.line(fill(SHOW_CREATE, &[("kind", kind), ("name", &identifier(name))])).await;
    work.run(fill(NAMES_UTF8, &[])).await?;
    line
}

fn kept(work: &Session, one: &Move, kind: &str, name: &str, line: &Line) -> Result<Kept, AsideError> {
    let column = match kind {
        "TRIGGER" => "sql original statement".to_owned(),
        _ => format!("create {}", kind.to_lowercase()),
    };
    let Some(definition) = line.bytes(&column).map(<[u8]>::to_vec) else {
        let kind = kind.to_lowercase();
        return Err(AsideError::InTheWay(format!(
            "{} does not show {kind} {}.{name} to the account that moves it aside: give --replica-admin",
            work.who(),
            one.of
        )));
    };
    let moved = match kind {
        "EVENT" => asleep(&definition, ASLEEP).ok_or_else(|| {
            AsideError::InTheWay(format!("the definition of event {}.{name} cannot be understood", one.of))
        })?,
        _ => definition.clone(),
    };
    let client = line.text("character_set_client");
    Ok(Kept {
        kind: kind.to_owned(),
        name: name.to_owned(),
        definition,
        moved,
        moved_client: client.clone(),
        client,
        connection: line.text("collation_connection"),
        collation: line.text("database collation"),
        mode: line.text("sql_mode"),
        zone: line.text("time_zone"),
    })
}

fn moved_trigger(one: &Move, line: &Line) -> String {
    let definer = line.text("definer");
    // a user's name may hold an @, a host does not
    let (user, host) = definer.rsplit_once('@').unwrap_or((&definer, "%"));
    let definer = format!("{}@{}", identifier(user), identifier(host));
    let gaps = [
        ("definer", &*definer),
        ("name", &*full_name(&one.into, &line.text("name"))),
        ("timing", &*line.text("timing")),
        ("event", &*line.text("event")),
        ("table", &*full_name(&one.into, &line.text("of_table"))),
        ("statement", &*line.text("statement")),
    ];
    fill(TRIGGER_MOVED, &gaps)
}

async fn write(work: &mut Session, one: &Move, number: usize, kept: &Kept) -> Result<(), Trouble> {
    let hex = |bytes: &[u8]| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x'{digits}'")
    };
    let gaps = [
        ("journal", &*journal(one)),
        ("number", &*(number + 1).to_string()),
        ("kind", &*literal(&kept.kind)),
        ("name", &*literal(&kept.name)),
        ("definition", &*hex(&kept.definition)),
        ("moved", &*hex(&kept.moved)),
        ("client", &*literal(&kept.client)),
        ("moved_client", &*literal(&kept.moved_client)),
        ("connection", &*literal(&kept.connection)),
        ("collation", &*literal(&kept.collation)),
        ("mode", &*literal(&kept.mode)),
        ("zone", &*literal(&kept.zone)),
    ];
    work.run(fill(WRITE, &gaps)).await
}

/// Writes down how the move is undone, one statement a row.
pub async fn write_undo(work: &mut Session, one: &Move, statements: &[String]) -> Result<(), AsideError> {
    let doing = || while_doing(format!("write down in {} how it is moved back", one.into));
    work.run(fill(CLEAR_UNDO, &[("journal", &journal(one))])).await.map_err(doing())?;
    for (number, statement) in statements.iter().enumerate() {
        let kept = Kept { kind: UNDO.to_owned(), definition: statement.clone().into_bytes(), ..Kept::default() };
        write(work, one, FIRST_OF_UNDO + number, &kept).await.map_err(doing())?;
    }
    Ok(())
}

/// Writes down that a table stands whole in the dated schema; `place` is how many are written down already.
pub async fn write_copied(work: &mut Session, one: &Move, place: usize, table: &str) -> Result<(), AsideError> {
    let kept = Kept { kind: IS_COPIED.to_owned(), name: table.to_owned(), ..Kept::default() };
    let written = write(work, one, FIRST_OF_COPIED + place, &kept).await;
    written.map_err(while_doing(format!("write down in {} that {table} is copied", one.into)))
}

/// The tables that stand whole in the dated schema.
pub async fn copied(work: &mut Session, one: &Move) -> Result<Vec<String>, AsideError> {
    let lines = work.lines(fill(COPIED, &[("journal", &journal(one))])).await;
    let lines = lines.map_err(while_doing(format!("read the journal in {}", one.into)))?;
    Ok(lines.iter().map(|line| line.text("name")).collect())
}

/// Reads what is written down, in the order in which it is made again.
pub async fn read(work: &mut Session, one: &Move) -> Result<Vec<Kept>, AsideError> {
    let lines = work.lines(fill(READ, &[("journal", &journal(one))])).await;
    let lines = lines.map_err(while_doing(format!("read the journal in {}", one.into)))?;
    let kept = |line: &Line| Kept {
        kind: line.text("kind"),
        name: line.text("name"),
        definition: line.bytes("definition").unwrap_or_default().to_vec(),
        moved: line.bytes("moved").unwrap_or_default().to_vec(),
        client: line.text("client"),
        moved_client: line.text("moved_client"),
        connection: line.text("connection"),
        collation: line.text("collation"),
        mode: line.text("mode"),
        zone: line.text("zone"),
    };
    Ok(lines.iter().map(kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_comes_after_those_that_it_is_made_of() {
        let kept = |kind: &str, name: &str, text: &str| Kept {
            kind: kind.into(),
            name: name.into(),
            definition: text.into(),
            ..Kept::default()
        };
        let chain = vec![
            kept("FUNCTION", "f", ""),
            kept("VIEW", "a", "VIEW `a` AS select * from `b`"),
            kept("VIEW", "b", "VIEW `b` AS select * from `c`"),
            kept("VIEW", "c", "VIEW `c` AS select 1"),
            kept("TRIGGER", "t", ""),
        ];
        let names: Vec<String> = views_in_order(chain).into_iter().map(|kept| kept.name).collect();
        assert_eq!(names, ["f", "c", "b", "a", "t"]);
    }
}
