//! Secrets: given in place or in a file of their own, never shown again.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::table::Table;

/// More than this is not read of any file that the settings name.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Where files that the settings name are found, and whether they are read at all.
#[derive(Clone, Debug)]
pub struct Files {
    /// False leaves every file alone; secrets stay empty then.
    pub read: bool,
    /// `$CREDENTIALS_DIRECTORY`, where systemd puts what `LoadCredential=` names.
    pub credentials: Option<PathBuf>,
    /// The settings file's folder: bare file names are looked up here outside systemd.
    pub beside: PathBuf,
}

/// The two keys that can give one secret.
#[derive(Clone, Copy, Debug)]
struct Keys {
    in_place: &'static str,
    file: &'static str,
}

/// Takes `password` or `password_file` from the table; exactly one may be given, `default_file` counts when none is.
pub fn password(table: &mut Table<'_>, default_file: &str, files: &Files) -> SecretString {
    let keys = Keys { in_place: "password", file: "password_file" };
    keys.read(table, Some(default_file), files).unwrap_or_else(nothing)
}

/// Takes `secret` or `secret_file` from the table, if there is one of them.
pub fn if_any(table: &mut Table<'_>, files: &Files) -> Option<SecretString> {
    Keys { in_place: "secret", file: "secret_file" }.read(table, None, files)
}

/// Takes the secret of an application credential from the table, if there is one.
pub fn of_a_credential(table: &mut Table<'_>, files: &Files) -> Option<SecretString> {
    let keys = Keys { in_place: "application_credential_secret", file: "application_credential_secret_file" };
    keys.read(table, None, files)
}

impl Keys {
    fn read(self, table: &mut Table<'_>, default_file: Option<&str>, files: &Files) -> Option<SecretString> {
        let both = table.has(self.in_place) && table.has(self.file);
        let in_place = table.text_if_any(self.in_place);
        let file = match default_file {
            Some(default) => Some(table.text(self.file, default)),
            None => table.text_if_any(self.file),
        };
        if both {
            table.problem(self.in_place, format!("give either {} or {}, not both", self.in_place, self.file));
            return None;
        }
        match in_place {
            Some(text) => match one_line(text) {
                Ok(secret) => Some(secret),
                Err(rule) => {
                    table.problem(self.in_place, rule);
                    None
                }
            },
            // a wrong type has been noted already
            None if !table.sound(self.in_place) => None,
            None => self.of_file(table, &file?, files),
        }
    }

    fn of_file(self, table: &Table<'_>, file: &str, files: &Files) -> Option<SecretString> {
        if file.is_empty() {
            table.problem(self.file, "must not be empty");
            return None;
        }
        if !files.read {
            return Some(nothing());
        }
        let path = files.place(file);
        match line_end_removed(&path)
            .and_then(|text| one_line(text).map_err(|rule| format!("{} {rule}", path.display())))
        {
            Ok(secret) => Some(secret),
            Err(sentence) => {
                table.problem(self.file, sentence);
                None
            }
        }
    }
}

impl Files {
    /// Where a secret's file is: a bare name in the credentials folder, or beside the settings when there is none.
    fn place(&self, file: &str) -> PathBuf {
        if file.contains('/') {
            return PathBuf::from(file);
        }
        self.credentials.as_ref().unwrap_or(&self.beside).join(file)
    }
}

fn line_end_removed(path: &Path) -> Result<String, String> {
    let bytes = contents(path)?;
    let mut text = String::from_utf8(bytes).map_err(|_| format!("{} does not hold UTF-8 text", path.display()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// Servers keep a link's password on one line of a file, so no password may break it.
fn one_line(text: String) -> Result<SecretString, &'static str> {
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.chars().any(char::is_control) {
        return Err("must be one line, without control characters");
    }
    Ok(SecretString::from(text))
}

/// What a file holds, up to a limit.
///
/// # Errors
/// One sentence that names the path.
pub(super) fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read {}: {}", path.display(), plain(&error));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("{} is larger than 1 MiB", path.display()));
    }
    Ok(bytes)
}

/// What the system says, without the number of the error.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn nothing() -> SecretString {
    SecretString::from(String::new())
}
