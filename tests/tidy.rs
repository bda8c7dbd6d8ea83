//! The walls of the house, read off the sources: who may import whom, where SQL stands, what stays small.
//!
//! Each wall is first proven on a bad sample: a wall that finds nothing wrong there is broken itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Every room and what it may import besides itself: a room, or one module of it. A room that is missing here is an
/// error.
const ROOMS: [(&str, &[&str]); 18] = [
    ("model", &[]),
    ("config", &["model"]),
    ("dialect", &["model"]),
    ("judge", &["model"]),
    ("plan", &["model", "dialect"]),
    ("switch", &[]),
    ("wire", &["model", "config", "dialect"]),
    ("observe", &["model", "config", "dialect", "wire"]),
    ("act", &["model", "config", "dialect", "wire", "switch"]),
    ("copy", &["model", "config", "dialect", "wire"]),
    ("compare", &["model", "config", "dialect", "wire"]),
    ("doctor", &["model", "dialect", "plan"]),
    ("gather", &["model", "config", "dialect", "wire", "observe", "doctor"]),
    ("report", &["model", "config"]),
    (
        "daemon",
        &[
            "model", "config", "dialect", "judge", "plan", "wire", "observe", "act", "copy", "compare", "report",
            "doctor", "gather",
        ],
    ),
    ("lab", &["model", "dialect"]),
    ("demo", &["model", "lab"]),
    (
        "cli",
        &[
            "model", "config", "dialect", "judge", "plan", "wire", "observe", "act", "copy", "compare", "report",
            "daemon", "lab", "demo", "doctor", "gather", "switch",
        ],
    ),
];

const PURE: [&str; 6] = ["model", "dialect", "judge", "plan", "switch", "doctor"];
const IMPURE: [&str; 9] = [
    r"\btokio\b",
    r"\bmysql_async\b",
    r"\bhyper\b",
    r"\bstd::fs\b",
    r"\bstd::net\b",
    r"\bstd::process\b",
    r"\bInstant::now\b",
    r"\bSystemTime::now\b",
    r"\bTimestamp::now\b",
];

/// Where the wall clock may be read: one file decides by it; a log line has its stamp, and the demo tells a story.
const CLOCKS: [&str; 3] = ["src/daemon/clock.rs", "src/report/log.rs", "src/demo/"];

const MOST_LINES: usize = 400;
const MOST_LINES_OF_A_FUNCTION: usize = 70;

/// One source file of the program.
struct Source {
    /// From the project's folder, with forward slashes.
    path: String,
    text: String,
    /// Compiled for tests only.
    test: bool,
}

impl Source {
    fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), test: false }
    }

    /// The folder of the modules that this file declares.
    fn folder(&self) -> String {
        let stem = self.path.trim_end_matches(".rs");
        let stem = ["mod", "lib", "main"].iter().find_map(|name| stem.strip_suffix(name)).unwrap_or(stem);
        stem.trim_end_matches('/').to_owned()
    }

    /// The modules in files of their own that it declares for tests only, as paths without an ending.
    fn test_modules(&self, declared: &Regex) -> Vec<String> {
        declared.captures_iter(&self.text).map(|found| format!("{}/{}", self.folder(), &found[1])).collect()
    }

    /// The room it belongs to; `None` for `lib.rs`, `main.rs` and the like.
    fn room(&self) -> Option<&str> {
        let (room, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// Its lines with their numbers, without comments and without test modules.
    fn code(&self) -> Vec<(usize, &str)> {
        if self.test {
            return Vec::new();
        }
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            if line == "#[cfg(test)]" {
                // rustfmt closes a module that stands at the margin with a brace at the margin
                lines.by_ref().find(|(_, line)| *line == "}" || line.ends_with(';') && !line.starts_with(' '));
            } else if !line.trim_start().starts_with("//") {
                code.push((index + 1, line));
            }
        }
        code
    }

    /// `path:line: why`, for every line of code that matches.
    fn complain(&self, pattern: &Regex, why: &str) -> Vec<String> {
        let found = self.code().into_iter().filter(|(_, line)| pattern.is_match(line));
        found.map(|(number, line)| format!("{}:{number}: {why}: {}", self.path, line.trim())).collect()
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the project; none when there is no such folder.
fn files(folder: &str) -> Vec<Source> {
    fn walk(path: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(path).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text, test: false });
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn sources() -> Vec<Source> {
    let mut sources: Vec<Source> = files("src").into_iter().filter(|source| source.path.ends_with(".rs")).collect();
    mark_tests(&mut sources);
    sources
}

fn mark_tests(sources: &mut [Source]) {
    let declared = pattern(r"(?m)^#\[cfg\(test\)\]\n(?:pub(?:\([a-z]+\))? )?mod (\w+);");
    let modules: Vec<String> = sources.iter().flat_map(|source| source.test_modules(&declared)).collect();
    for source in sources {
        let inside = |module: &String| {
            source.path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        source.test = modules.iter().any(inside);
    }
}

fn sql_files() -> Vec<Source> {
    files("sql").into_iter().filter(|source| source.path.ends_with(".sql")).collect()
}

/// Proves the wall on bad and good samples, then holds it against the project.
fn hold(wall: impl Fn(&Source) -> Vec<String>, bad: &[Source], good: &[Source], project: &[Source]) {
    for sample in bad {
        assert!(!wall(sample).is_empty(), "the wall lets this through: {}\n{}", sample.path, sample.text);
    }
    for sample in good {
        assert_eq!(wall(sample), Vec::<String>::new(), "the wall forbids what is allowed");
    }
    assert!(!project.is_empty(), "nothing was read");
    let complaints: Vec<String> = project.iter().flat_map(wall).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// What code names after `crate::`, also in a group `crate::{a, b::{c}}`: the room and, if there is one, its module.
fn imported(code: &str) -> BTreeSet<(String, String)> {
    let mut paths = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => paths.extend(heads(group)),
            None => paths.extend(head(rest)),
        }
    }
    paths
}

fn head(path: &str) -> Option<(String, String)> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let path = path.trim_start();
    let room = word(path);
    let module = path[room.len()..].strip_prefix("::").map(word).unwrap_or_default();
    (!room.is_empty()).then_some((room, module))
}

fn heads(group: &str) -> Vec<(String, String)> {
    let mut depth = 0;
    let mut starts = vec![0];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    starts.into_iter().filter_map(|at| head(&group[at..])).collect()
}

#[test]
fn files_compiled_for_tests_only_are_known_from_their_declaration() {
    let mut sources = [
        ("src/report/mod.rs", "#[cfg(test)]\npub(crate) mod fixtures;\npub mod serve;\n"),
        ("src/report/fixtures.rs", ""),
        ("src/report/serve.rs", "mod head;\n#[cfg(test)]\nmod tests;\n"),
        ("src/report/serve/tests.rs", ""),
        ("src/report/serve/tests/more.rs", ""),
        ("src/report/serve/head.rs", ""),
        ("src/report/fixtures_of_another_kind.rs", ""),
    ]
    .map(|(path, text)| Source::sample(path, text));
    mark_tests(&mut sources);
    assert_eq!(sources.map(|source| source.test), [false, true, false, true, true, false, false]);
}

#[test]
fn rooms_import_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into();
    let way_around = pattern(r"super::super::super|#\[path");
    let wall = |source: &Source| {
        let Some(room) = source.room() else { return Vec::new() };
        let Some(allowed) = allowed.get(room) else {
            return vec![format!("{}: the room {room} is not in the table of tests/tidy.rs", source.path)];
        };
        let code: Vec<&str> = source.code().into_iter().map(|(_, line)| line).collect();
        let named = imported(&code.join("\n")).into_iter();
        let may = |other: &str, module: &str| {
            other == room || allowed.contains(&other) || allowed.contains(&format!("{other}::{module}").as_str())
        };
        let wrong = named.filter(|(other, module)| !may(other, module));
        let wrong = wrong.map(|(other, module)| format!("{}: {room} may not import {other}::{module}", source.path));
        wrong.chain(source.complain(&way_around, "a way around the walls")).collect()
    };
    let bad = [
        Source::sample("src/model/a.rs", "use crate::dialect::text;"),
        Source::sample("src/judge/a.rs", "fn f() { crate::wire::connect(); }"),
        Source::sample("src/plan/a.rs", "use crate::{\n    dialect::{a, b},\n    model, config::Settings,\n};"),
        Source::sample("src/report/a.rs", "use crate::daemon;\n#[cfg(test)]\nmod tests {\n}\n"),
        Source::sample("src/report/a.rs", "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::daemon;\n"),
        Source::sample("src/report/a.rs", "#[cfg(test)]\nmod tests;\nuse crate::daemon;\n"),
        Source::sample("src/act/a.rs", "use crate::observe::looker;"),
        Source::sample("src/act/a.rs", "use crate::observe;"),
        Source::sample("src/attic/a.rs", ""),
    ];
    let good = [
        Source::sample("src/plan/a.rs", "use crate::{\n    dialect::{act, daemon},\n    model,\n};"),
        Source::sample("src/model/a.rs", "//! See `crate::judge::verdicts`.\n"),
        Source::sample("src/act/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::lab::Lab;\n}\n"),
        Source::sample("src/act/a.rs", "use crate::wire::connect::Target;\n"),
        Source::sample("src/main.rs", "use keyward::cli;\n"),
    ];
    hold(wall, &bad, &good, &sources());
}

#[test]
fn pure_rooms_name_no_clock_no_network_and_no_files() {
    let impure = pattern(&IMPURE.join("|"));
    let wall = |source: &Source| {
        let pure = source.room().is_some_and(|room| PURE.contains(&room));
        if pure { source.complain(&impure, "not in a pure room") } else { Vec::new() }
    };
    let bad: Vec<Source> = ["tokio::", "mysql_async::", "hyper::", "std::fs::", "std::net::", "std::process::"]
        .map(|word| Source::sample("src/judge/a.rs", &format!("use {word}x;")))
        .into_iter()
        .chain(
            ["Instant", "SystemTime", "Timestamp"]
                .map(|clock| Source::sample("src/model/a.rs", &format!("let now = {clock}::now();"))),
        )
        .collect();
    let good = [
        Source::sample("src/observe/a.rs", "use tokio::time;"),
        Source::sample("src/judge/a.rs", "//! Names no tokio.\nuse std::time::Duration;"),
    ];
    hold(wall, &bad, &good, &sources());
}

#[test]
fn one_file_reads_the_wall_clock() {
    let clock = pattern(r"\b(SystemTime|Timestamp|Zoned)::now\b");
    let wall = |source: &Source| {
        if CLOCKS.iter().any(|place| source.path.starts_with(place)) {
            return Vec::new();
        }
        source.complain(&clock, "only daemon/clock.rs reads the clock")
    };
    let bad = [Source::sample("src/act/a.rs", "let at = Timestamp::now();")];
    let good = [Source::sample("src/daemon/clock.rs", "let at = Timestamp::now();")];
    hold(wall, &bad, &good, &sources());
}

#[test]
fn sql_stands_in_sql_files() {
    // a keyword with what follows it in a statement, so that a privilege's name alone is none
    let statement = pattern(concat!(
        r##""\s*(SELECT [^"]|INSERT (INTO|IGNORE)|UPDATE \S+ SET|DELETE FROM|REPLACE INTO|TRUNCATE |"##,
        r##"SET (GLOBAL|SESSION|STATEMENT|NAMES|PASSWORD|@@|\w+\s*=)|"##,
        r##"SHOW (ALL|MASTER|SLAVE|BINLOG|BINARY|CREATE|GLOBAL|FULL|GRANTS|STATUS|TABLES|VARIABLES|DATABASES [^"])|"##,
        r##"CHANGE (MASTER|REPLICATION)|(START|STOP) (SLAVE|ALL|TRANSACTION|REPLICA)|RESET (MASTER|SLAVE|BINARY)|"##,
        r##"CREATE (TABLE|DATABASE|SCHEMA|OR REPLACE|TRIGGER|FUNCTION|PROCEDURE|USER [^"]|VIEW [^"])|"##,
        r##"DROP (TABLE|DATABASE|SCHEMA|VIEW|USER|TRIGGER)|ALTER (TABLE|USER|DATABASE|SCHEMA)|"##,
        r##"GRANT [^"]|REVOKE [^"]|KILL (\{|\d|QUERY|CONNECTION|SOFT|HARD)|FLUSH (TABLES|LOGS|PRIVILEGES) ?|"##,
        r##"(UN)?LOCK TABLES [^"]|UNLOCK TABLES|PURGE BINARY|LOAD DATA|CHECKSUM TABLE|USE [`{]|"##,
        r##"(BEGIN|COMMIT|ROLLBACK)")"##
    ));
    let wall = |source: &Source| {
        if source.room() == Some("lab") { Vec::new() } else { source.complain(&statement, "SQL outside sql/") }
    };
    let bad = [
        "\"SELECT 1\"",
        "r\"SET GLOBAL read_only = 1\"",
        "\" SHOW ALL SLAVES STATUS\"",
        "\"CHANGE MASTER TO x\"",
        "\"INSERT INTO t VALUES (1)\"",
        "format!(\"KILL {id}\")",
        "\"COMMIT\"",
        "format!(\"GRANT {list} ON\")",
        "\"STOP SLAVE\"",
        "format!(\"USE {}\", schema)",
    ]
    .map(|text| Source::sample("src/act/a.rs", text));
    let good = [
        Source::sample("src/plan/a.rs", "[\"SELECT\", \"INSERT\", \"SHOW VIEW\", \"LOCK TABLES\", \"CREATE USER\"]"),
        Source::sample("src/act/a.rs", "include_str!(\"../../sql/mariadb/select.sql\")"),
        Source::sample("src/lab/a.rs", "\"SELECT 1\""),
        Source::sample("src/act/a.rs", "#[cfg(test)]\nmod tests {\n    const S: &str = \"SELECT 1\";\n}\n"),
    ];
    hold(wall, &bad, &good, &sources());
}

#[test]
fn sql_files_say_what_they_are_for_and_hold_one_statement() {
    let first_line = pattern(r"^-- [A-Z].+; .+\.$");
    let wall = |source: &Source| {
        let mut complaints = Vec::new();
        if !source.text.lines().next().is_some_and(|line| first_line.is_match(line)) {
            complaints.push(format!("{}: the first line is not `-- What it is for; privilege it needs.`", source.path));
        }
        let statement = source.text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let statement: Vec<&str> = statement.map(str::trim_end).filter(|line| !line.is_empty()).collect();
        // a line that ends in a semicolon ends a statement; only the lab's scripts hold several
        let compound = statement.first().is_some_and(|line| line.starts_with("BEGIN NOT ATOMIC"));
        let inner = |line: &&&str| line.ends_with(';') && !(compound && line.starts_with(' '));
        let ends = statement.iter().filter(inner).count();
        let whole = statement.last().is_some_and(|line| line.ends_with(';') || ends == 0);
        if !source.path.starts_with("sql/lab/") && (ends > 1 || !whole) {
            complaints.push(format!("{}: more than one statement", source.path));
        }
        if statement.is_empty() {
            complaints.push(format!("{}: no statement", source.path));
        }
        complaints
    };
    let bad = ["SELECT 1;\n", "-- looks\nSELECT 1;\n", "-- Looks; none.\nSELECT 1;\nSELECT 2;\n", "-- Looks; none.\n"]
        .map(|text| Source::sample("sql/common/a.sql", text));
    let good = [
        Source::sample("sql/common/a.sql", "-- Looks; needs SELECT.\n-- And more.\nSELECT 1;\n"),
        Source::sample("sql/mariadb/a.sql", "-- Looks; none.\nBEGIN NOT ATOMIC\n  DO 1;\n  DO 2;\nEND;\n"),
        Source::sample("sql/lab/a.sql", "-- Looks; the lab's root.\nSELECT 1;\nSELECT 2;\n"),
    ];
    hold(wall, &bad, &good, &sql_files());
}

#[test]
fn nothing_makes_a_replica_writable() {
    let writable = pattern(r"(?i)\bread_only\s*[:=]+\s*(0|off|false)\b");
    let wall = |source: &Source| {
        if source.path.starts_with("sql/lab/") || source.room() == Some("lab") {
            Vec::new()
        } else {
            source.complain(&writable, "makes a server writable")
        }
    };
    let bad = [
        Source::sample("sql/mariadb/a.sql", "-- X; Y.\nSET GLOBAL read_only = 0;\n"),
        Source::sample("src/act/a.rs", "\"SET GLOBAL READ_ONLY=OFF\""),
        Source::sample("sql/mysql/a.sql", "SET GLOBAL super_read_only = 0, read_only=false"),
    ];
    let good = [
        Source::sample("sql/mariadb/a.sql", "-- X; Y.\nSET GLOBAL read_only = 1;\n"),
        Source::sample("src/observe/a.rs", "let read_only = row != 0;"),
    ];
    let project: Vec<Source> = sql_files().into_iter().chain(sources()).collect();
    hold(wall, &bad, &good, &project);
}

#[test]
fn files_and_functions_stay_small() {
    let opening = pattern(r"^(\s*)(pub(\([a-z]+\))? )?(default )?(const )?(async )?(unsafe )?fn (\w+)");
    let wall = |source: &Source| {
        let lines: Vec<&str> = source.text.lines().collect();
        let mut complaints = Vec::new();
        if lines.len() > MOST_LINES {
            complaints.push(format!("{}: {} lines, at most {MOST_LINES}", source.path, lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            let Some(found) = opening.captures(line) else { continue };
            let close = format!("{}}}", &found[1]);
            // rustfmt closes a function where it began; one on a single line has no such line of its own
            let one_line = line.ends_with('}') || line.ends_with(';');
            let length =
                if one_line { 1 } else { 1 + lines[start..].iter().take_while(|line| **line != close).count() };
            if length > MOST_LINES_OF_A_FUNCTION {
                let name = &found[8];
                complaints.push(format!(
                    "{}:{}: {name} has {length} lines, at most {MOST_LINES_OF_A_FUNCTION}",
                    source.path,
                    start + 1
                ));
            }
        }
        complaints
    };
    let function = |lines: usize| format!("    pub async fn f() {{\n{}    }}\n", "        x;\n".repeat(lines));
    let bad = [
        Source::sample("src/act/a.rs", &"x;\n".repeat(MOST_LINES + 1)),
        Source::sample("src/act/a.rs", &function(MOST_LINES_OF_A_FUNCTION)),
    ];
    let good = [
        Source::sample("src/act/a.rs", &"x;\n".repeat(MOST_LINES)),
        Source::sample("src/act/a.rs", &function(MOST_LINES_OF_A_FUNCTION - 2).repeat(3)),
    ];
    hold(wall, &bad, &good, &sources());
}

#[test]
fn nothing_unwraps_and_nothing_is_left_undone() {
    let unwraps = pattern(r"\.unwrap\(\)|\.expect\(|allow\(clippy::(unwrap|expect)_used|\bunsafe\b\s*[{f]");
    let undone = pattern(concat!(r"\b(TO", r"DO|FIX", r"ME|XXX)\b|\b(todo|unimplemented|dbg)!"));
    let wall = |source: &Source| {
        let mut complaints = source.complain(&unwraps, "not outside tests");
        // comments count here, so the whole text is read
        let lines = source.text.lines().filter(|line| undone.is_match(line));
        complaints.extend(lines.map(|line| format!("{}: left undone: {}", source.path, line.trim())));
        complaints
    };
    let later = concat!("// TO", "DO later");
    let bad = ["x.unwrap();", "x.expect(\"y\");", "#![allow(clippy::unwrap_used)]", later, "todo!()", "unsafe { x }"]
        .map(|text| Source::sample("src/act/a.rs", text));
    let good = [
        Source::sample("src/act/a.rs", "x.unwrap_or(1); expected(1);"),
        Source::sample("src/act/a.rs", "#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n"),
    ];
    hold(wall, &bad, &good, &sources());
}

#[test]
fn nothing_refers_to_one_machine() {
    let machine = pattern(concat!(r"/wo", r"rk/|\.\./sha", r"red\b|/tmp/w", r"t/|/home/\w|/ro", r"ot/"));
    let wall = |source: &Source| {
        let found = source.text.lines().filter(|line| machine.is_match(line));
        found.map(|line| format!("{}: a path of one machine: {}", source.path, line.trim())).collect()
    };
    let bad = [concat!("see /wo", "rk/x"), concat!("see ../sha", "red/x"), concat!("cd /ro", "ot/x")]
        .map(|text| Source::sample("README.md", text));
    let good = [Source::sample("README.md", "the workers share ../docs")];
    let folders =
        ["src", "sql", "tests", "benches", "scripts", ".ci", ".cargo", "docs", "examples", "systemd", "hooks"];
    let mut project: Vec<Source> = folders.into_iter().flat_map(files).collect();
    for entry in fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        if let (true, Ok(text)) = (path.is_file(), fs::read_to_string(&path)) {
            // in a linked working tree `.git` is a file with a path
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            project.extend((name != ".git").then_some(Source { path: name, text, test: false }));
        }
    }
    hold(wall, &bad, &good, &project);
}
