//! Brings the settings together: the file, then the environment over it, then reading and checking all of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ::config::{Config, ConfigError, Environment, File, FileFormat, Value};

use super::notes::Notes;
use super::problem::{Problem, Problems};
use super::schema::Settings;
use super::secret::{self, Files};
use super::table::Table;
use super::{check, check_tls, read};

/// Where the settings are when nobody says otherwise.
pub const DEFAULT_FILE: &str = "/etc/keyward/keyward.toml";

/// Variables of the environment that begin so are settings: `KEYWARD__HTTP__LISTEN`.
const PREFIX: &str = "KEYWARD__";

/// The file to read: the one given, else `$KEYWARD_CONFIG`, else [`DEFAULT_FILE`].
pub fn file(given: Option<&Path>) -> PathBuf {
    let from_environment = || std::env::var_os("KEYWARD_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    given.map(Path::to_path_buf).or_else(from_environment).unwrap_or_else(|| PathBuf::from(DEFAULT_FILE))
}

/// Reads and checks the settings, with the secrets and certificates that they name.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(path: Option<&Path>) -> Result<Settings, Problems> {
    from(&Sources::of_this_process(&file(path), true)?)
}

/// Reads and checks the settings but none of the files that they name: **the secrets in the result are empty**.
///
/// For commands that only speak to the daemon: they must work for whoever may use its socket, and when a certificate
/// has gone missing.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load_without_files(path: Option<&Path>) -> Result<Settings, Problems> {
    from(&Sources::of_this_process(&file(path), false)?)
}

/// All that settings are made from.
pub(super) struct Sources {
    /// The settings file, for sentences.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
    /// The variables that begin with `KEYWARD__`.
    pub environment: BTreeMap<String, String>,
    /// Where the files that it names are.
    pub files: Files,
}

impl Sources {
    fn of_this_process(path: &Path, read: bool) -> Result<Self, Problems> {
        let text = secret::contents(path)
            .map_err(|sentence| one(path, format!("{sentence}; {}", remedy(&sentence))))
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| one(path, "is not UTF-8 text")))?;
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
        let beside = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let files = Files { read, credentials: credentials.map(PathBuf::from), beside };
        Ok(Self { path: path.to_path_buf(), text, environment, files })
    }
}

/// What to do about settings that cannot be read.
fn remedy(sentence: &str) -> &'static str {
    match sentence.contains("Permission denied") {
        true => "run this as root or with sudo",
        false => "name the settings with --config or KEYWARD_CONFIG",
    }
}

/// The settings that `sources` make.
pub(super) fn from(sources: &Sources) -> Result<Settings, Problems> {
    let notes = Notes::default();
    let merged = merged(sources, &notes)?;
    let settings = read::settings(Table::root(merged, &notes), &sources.files);
    check::settings(&settings, &notes);
    check_tls::settings(&settings, &notes);
    if sources.files.read {
        check_tls::files(&settings, &notes);
    }
    let problems = notes.into_problems();
    if problems.0.is_empty() { Ok(settings) } else { Err(problems) }
}

/// The file with the environment over it, not yet read.
pub(super) fn merged(sources: &Sources, notes: &Notes) -> Result<Value, Problems> {
    let (lists, scalars): (BTreeMap<_, _>, BTreeMap<_, _>) = sources
        .environment
        .clone()
        .into_iter()
        .partition(|(name, _)| name.starts_with("KEYWARD__REGIONS") || name.contains('.') || name.contains('['));
    for name in lists.into_keys() {
        notes.problem(name, "cannot be set in the environment; write it into the settings file");
    }
    let environment = Environment::with_prefix("KEYWARD")
        .prefix_separator("__")
        .separator("__")
        .source(Some(scalars.into_iter().collect()));
    Config::builder()
        .add_source(File::from_str(&sources.text, FileFormat::Toml))
        .add_source(environment)
        .build()
        .map(|config| config.cache)
        .map_err(|error| one(&sources.path, in_one_line(&error)))
}

fn one(path: &Path, sentence: impl Into<String>) -> Problems {
    Problems(vec![Problem { key: path.display().to_string(), sentence: sentence.into() }])
}

/// What the parser of TOML says, without the lines it quotes: a password may stand on them.
fn in_one_line(error: &ConfigError) -> String {
    let text = error.to_string();
    let quoted = |line: &&str| line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').starts_with('|');
    let told: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !quoted(line)).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_root_are_not_looked_for_elsewhere() {
        let denied = std::io::Error::from_raw_os_error(rustix::io::Errno::ACCESS.raw_os_error());
        assert_eq!(remedy(&format!("cannot read keyward.toml: {denied}")), "run this as root or with sudo");
        assert!(remedy("cannot read /etc/keyward/keyward.toml: No such file or directory").starts_with("name"));
    }
}
