//! Configuration files: which are meant, reading them, and putting another text in their place so that at every
//! instant the old one or the new one is there, whole.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{Access, XattrFlags, access, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// No configuration file is as big as this.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// More files than any service has.
const MOST_FILES: usize = 1000;

/// Extended attributes of a file are small; the kernel's own limit.
const MOST_ATTRIBUTES: usize = 64 * 1024;

/// How many dated copies of a file are kept.
const MOST_COPIES: usize = 10;

/// Stands in the names of everything that keyward puts beside a file.
const MARK: &str = ".keyward-";

/// A file with its text.
#[derive(Debug)]
pub struct Content {
    /// Its path, with every symbolic link followed.
    pub path: String,
    /// Its bytes.
    pub text: Vec<u8>,
    /// Under how many names it can be found.
    pub names: u64,
}

/// The files that the patterns mean, each once, with symbolic links followed. `*` and `?` stand for any characters of
/// one name, as in a shell.
///
/// # Errors
/// One sentence a pattern that finds nothing.
pub fn find(patterns: &[String]) -> Result<Vec<PathBuf>, Vec<String>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for pattern in patterns {
        let paths = expand(pattern);
        if paths.is_empty() {
            problems.push(format!("{pattern}: there is no such file"));
        }
        for path in paths {
            match fs::canonicalize(&path) {
                Ok(path) if found.contains(&path) => {}
                Ok(path) => found.push(path),
                Err(error) => problems.push(format!("{}: {error}", path.display())),
            }
        }
    }
    if found.len() > MOST_FILES {
        problems.push(format!("these are {} files, at most {MOST_FILES} are switched at once", found.len()));
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn expand(pattern: &str) -> Vec<PathBuf> {
    if !pattern.contains(['*', '?']) {
        return if fs::symlink_metadata(pattern).is_ok() { vec![pattern.into()] } else { Vec::new() };
    }
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
    for name in pattern.split('/').filter(|name| !name.is_empty()) {
        if !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(name));
            found.retain(|path| fs::symlink_metadata(path).is_ok());
            continue;
        }
        let mut next = Vec::new();
        for folder in found {
            let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
            let entries = fs::read_dir(listed).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            let fits = |found: &String| {
                let hidden = found.starts_with('.') && !name.starts_with('.');
                !hidden && !found.contains(MARK) && matches(found.as_bytes(), name.as_bytes())
            };
            next.extend(names.filter(fits).map(|name| folder.join(name)));
        }
        found = next;
    }
    // a folder that a pattern happens to find is not meant
    found.retain(|path| !path.is_dir());
    found.sort();
    found
}

fn matches(name: &[u8], pattern: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, first) => first.is_none(),
        (Some(b'*'), first) => matches(name, &pattern[1..]) || first.is_some() && matches(&name[1..], pattern),
        (Some(b'?'), Some(_)) => matches(&name[1..], &pattern[1..]),
        (Some(wanted), Some(found)) => wanted == found && matches(&name[1..], &pattern[1..]),
        (Some(_), None) => false,
    }
}

/// Reads a file.
///
/// # Errors
/// One sentence: it cannot be read, or is none.
pub fn read(path: &Path) -> Result<Content, String> {
    let told = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let name = path.to_str().ok_or_else(|| told(&"its name is not UTF-8"))?.to_owned();
    let metadata = fs::metadata(path).map_err(|error| told(&error))?;
    if !metadata.is_file() {
        return Err(told(&"is no regular file"));
    }
    let file = File::open(path).map_err(|error| told(&error))?;
    let mut text = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut text).map_err(|error| told(&error))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(told(&"is bigger than 4 MiB, and so no configuration file"));
    }
    Ok(Content { path: name, text, names: metadata.nlink() })
}

/// Whether the file could be replaced now, as far as that can be known without doing it.
///
/// # Errors
/// One sentence: why not.
pub fn check(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let me = rustix::process::geteuid();
    if !me.is_root() && metadata.uid() != me.as_raw() {
        return Err(format!("{}: belongs to another user, which only root can keep so", path.display()));
    }
    let folder = folder_of(path);
    access(folder, Access::WRITE_OK).map_err(|error| format!("{}: cannot be written to: {error}", folder.display()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// The name of what is not yet the file.
fn unfinished(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}{MARK}new", name_of(path)))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Puts `new` in the place of `old`, with owner, group, mode and extended attributes (ACLs and SELinux labels are
/// such) as they are.
///
/// # Errors
/// One sentence; the file is as it was, unless the sentence says that it is not known to last.
pub fn replace(path: &Path, old: &[u8], new: &[u8]) -> Result<(), String> {
    let still =
        || if read(path)?.text == old { Ok(()) } else { Err("was changed by somebody else just now".to_owned()) };
    put(path, path, new, &still).map_err(|why| format!("{}: {why}", path.display()))
}

/// Keeps a dated copy of a file's text beside it, with the file's owner and mode; its name.
///
/// # Errors
/// One sentence.
pub fn keep(path: &Path, text: &[u8], at: Timestamp) -> Result<String, String> {
    let stamp = at.strftime("%Y%m%dT%H%M%SZ");
    let told = |why: String| format!("{}: no copy of it can be kept: {why}", path.display());
    for number in 1..=MOST_COPIES {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let copy = path.with_file_name(format!("{}{MARK}{stamp}{suffix}", name_of(path)));
        match fs::read(&copy) {
            Ok(kept) if kept == text => return Ok(copy.display().to_string()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                put(path, &copy, text, &|| Ok(())).map_err(told)?;
                return Ok(copy.display().to_string());
            }
            Err(error) => return Err(told(error.to_string())),
        }
    }
    Err(told("there are too many of this second".to_owned()))
}

/// Removes the oldest dated copies of a file beyond the number that is kept.
pub fn thin_out(path: &Path) {
    let start = format!("{}{MARK}2", name_of(path));
    let entries = fs::read_dir(folder_of(path)).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&start));
    let mut copies: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    copies.sort();
    for copy in copies.iter().rev().skip(MOST_COPIES) {
        // a copy too many harms nobody
        let _ = fs::remove_file(copy);
    }
}

/// Removes what a killed run left beside a file.
pub fn clear(path: &Path) {
    let _ = fs::remove_file(unfinished(path));
}

/// Writes `text` to `target`, in the folder of `like` and with its owner, mode and attributes.
fn put(like: &Path, target: &Path, text: &[u8], ready: &dyn Fn() -> Result<(), String>) -> Result<(), String> {
    let fresh = unfinished(like);
    let written = (|| {
        let model = File::open(like)?;
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // never through a link that somebody else put there, and readable by nobody else before it has its owner
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(text)?;
        dress(&file, &model, &model.metadata()?)?;
        file.sync_all()
    })();
    let moved = written
        .map_err(|error| error.to_string())
        .and_then(|()| ready())
        .and_then(|()| fs::rename(&fresh, target).map_err(|error| format!("cannot be replaced: {error}")));
    if moved.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    moved?;
    let flushed = File::open(folder_of(target)).and_then(|folder| folder.sync_all());
    flushed.map_err(|error| format!("its folder cannot be flushed to disk: {error}"))
}

fn dress(file: &File, model: &File, metadata: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(file, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777))?;
    let mut names = vec![0; MOST_ATTRIBUTES];
    let length = match flistxattr(model, &mut names[..]) {
        Ok(length) => length,
        // a filesystem without any
        Err(Errno::NOTSUP | Errno::NOSYS) => 0,
        Err(error) => return Err(error.into()),
    };
    let attribute = |file: &File, name: &[u8]| -> io::Result<Option<Vec<u8>>> {
        let mut value = vec![0; MOST_ATTRIBUTES];
        match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => Ok(value.get(..length).map(<[u8]>::to_vec)),
            Err(Errno::NODATA) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let wanted = attribute(model, name)?;
        // a label that the system has given it already need not be set, which not every user may
        if let Some(value) =
            wanted.as_deref().filter(|value| attribute(file, name).ok().flatten().as_deref() != Some(*value))
        {
            fsetxattr(file, name, value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_like_a_shell_and_never_what_keyward_left() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["nova", "nova/d", "neutron"] {
            fs::create_dir(at(name)).unwrap();
        }
        for name in ["nova/nova.conf", "nova/.hidden.conf", "nova/nova.conf.keyward-20261122T000000Z", "neutron/x.conf"]
        {
            fs::write(at(name), "").unwrap();
        }
        let found = |pattern: &str| {
            let found = find(&[at(pattern).display().to_string()]);
            found.map(|paths| paths.iter().map(|path| name_of(path)).collect::<Vec<_>>())
        };
        assert_eq!(found("*/*.conf").unwrap(), ["x.conf", "nova.conf"]);
        assert_eq!(found("nova/*").unwrap(), ["nova.conf"]);
        assert_eq!(found("n?v*/nova.c??f").unwrap(), ["nova.conf"]);
        assert!(found("nova/*.toml").unwrap_err()[0].contains("no such file"));
        std::os::unix::fs::symlink(at("nova/nova.conf"), at("link.conf")).unwrap();
        assert_eq!(found("link.conf").unwrap(), ["nova.conf"]);
        assert_eq!(found("nova/../l*").unwrap(), ["nova.conf"]);
    }
}
