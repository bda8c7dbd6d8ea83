//! The mark that set-up leaves in a schema's comment on the replica while the schema is not whole yet.
//!
//! The mark on schema `keyward` is the journal: it is put there first and taken away last, in one statement each. A
//! schema with a mark was made by keyward and never finished, so that it may be dropped. There is no file beside it
//! that could tell another story.
//!
//! MySQL has no comments for schemas: there the mark is the comment of a table that is only there for it, made right
//! after the schema. A schema with nothing in it at all is what a set-up leaves that was ended between the two.

use crate::model::preflight::{GlobalSetting, Schema, ServerSide};

/// Keyward's own schema.
pub const OWN_SCHEMA: &str = "keyward";

const MARK: &str = "keyward set-up not finished, made by keyward and safe to drop: ";

/// What stands between a mark's token and the settings to give back.
const GIVE_BACK: &str = "; meanwhile changed, to give back: ";

/// The comment of a schema that the set-up run called `token` is working on, with the server's settings as they were
/// before it changed them.
pub fn mark(token: &str, before: &[GlobalSetting]) -> String {
    let settings: Vec<String> = before.iter().map(|setting| format!("{}={}", setting.name, setting.value)).collect();
    let give_back = if settings.is_empty() { "" } else { GIVE_BACK };
    format!("{MARK}{token}{give_back}{}", settings.join(" "))
}

/// Whether a schema's comment is such a mark.
pub fn is_marked(comment: &str) -> bool {
    parts(comment).is_some()
}

/// The settings that a mark says are to be given back.
pub fn to_give_back(comment: &str) -> Vec<GlobalSetting> {
    parts(comment).unwrap_or_default()
}

fn parts(comment: &str) -> Option<Vec<GlobalSetting>> {
    let rest = comment.strip_prefix(MARK)?;
    let (token, settings) = rest.split_once(GIVE_BACK).unwrap_or((rest, ""));
    let plain = |text: &str| !text.is_empty() && text.len() <= 64;
    if !plain(token) || !token.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let setting = |text: &str| {
        let (name, value) = text.split_once('=')?;
        let right = plain(name) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let digits = plain(value) && value.chars().all(|c| c.is_ascii_digit());
        (right && digits).then(|| GlobalSetting { name: name.to_owned(), value: value.to_owned() })
    };
    settings.split_whitespace().map(setting).collect()
}

/// What the marks on a replica say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Journal {
    /// No schema has a mark.
    Clean,
    /// A set-up was interrupted before it was whole: these schemas are keyward's and half done, the journal last.
    HalfDone(Vec<String>),
    /// A set-up was whole and interrupted while it took the marks away: these still have one.
    Untidy(Vec<String>),
}

/// Reads the marks on a replica; `fresh` are the schemas that a set-up may have made a moment before it ended, none where
/// there is a link already.
pub fn read(replica: &ServerSide, fresh: &[String]) -> Journal {
    let own = replica.schema(OWN_SCHEMA);
    let unmarked = |schema: &Schema| schema.hollow && fresh.contains(&schema.name);
    let half_done = own.is_some_and(|schema| unmarked(schema) || is_marked(&schema.comment));
    let begun = |schema: &Schema| half_done && unmarked(schema);
    let mut marked: Vec<String> = replica
        .schemas
        .iter()
        .filter(|schema| (is_marked(&schema.comment) || begun(schema)) && schema.name != OWN_SCHEMA)
        .map(|schema| schema.name.clone())
        .collect();
    if half_done {
        marked.push(OWN_SCHEMA.to_owned());
        return Journal::HalfDone(marked);
    }
    match (marked.is_empty(), own) {
        (true, _) => Journal::Clean,
        // schema `keyward` is made first and dropped last: without it nothing was ever whole
        (false, None) => Journal::HalfDone(marked),
        (false, Some(_)) => Journal::Untidy(marked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(schemas: &[(&str, &str)]) -> ServerSide {
        let schema = |(name, comment): &(&str, &str)| Schema {
            name: (*name).into(),
            comment: (*comment).into(),
            hollow: *comment == "hollow",
        };
        ServerSide { schemas: schemas.iter().map(schema).collect(), ..ServerSide::default() }
    }

    fn read(replica: &ServerSide) -> Journal {
        super::read(replica, &["keyward".to_owned(), "keystone".to_owned()])
    }

    #[test]
    fn marks_tell_half_done_from_untidy_and_from_somebody_elses() {
        let before = [GlobalSetting { name: "sync_binlog".into(), value: "1".into() }];
        assert_eq!(to_give_back(&super::mark("a1b2", &before)), before);
        assert_eq!(to_give_back(&super::mark("a1b2", &before).replace("=1", "=1;x")), []);
        let mark = mark("a1b2", &[]);
        assert_eq!(read(&replica(&[("keystone", "ours"), ("keyward", "")])), Journal::Clean);
        assert_eq!(read(&replica(&[("keystone", &format!("{mark} not"))])), Journal::Clean);
        let half = Journal::HalfDone(vec!["keystone".into(), "keyward".into()]);
        assert_eq!(read(&replica(&[("keystone", &mark), ("keyward", &mark), ("nova", "")])), half);
        assert_eq!(read(&replica(&[("keystone", &mark)])), Journal::HalfDone(vec!["keystone".into()]));
        let untidy = Journal::Untidy(vec!["keystone".into()]);
        assert_eq!(read(&replica(&[("keystone", &mark), ("keyward", "")])), untidy);
    }
    #[test]
    fn a_schema_that_was_made_and_not_yet_marked_is_half_done_only_beside_the_journal() {
        let mark = mark("a1b2", &[]);
        let half = |names: &[&str]| Journal::HalfDone(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(read(&replica(&[("keyward", "hollow")])), half(&["keyward"]));
        let beside = [("keystone", "hollow"), ("keyward", mark.as_str()), ("nova", "hollow")];
        assert_eq!(read(&replica(&beside)), half(&["keystone", "keyward"]));
        assert_eq!(read(&replica(&[("keystone", "hollow")])), Journal::Clean);
        assert_eq!(read(&replica(&[("keystone", "hollow"), ("keyward", "")])), Journal::Clean);
        // with a link there is something else to find out
        assert_eq!(super::read(&replica(&[("keyward", "hollow")]), &[]), Journal::Clean);
    }
}
