//! A host with services: their files in a temporary folder, and a stand-in for systemctl.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const REMOTE: &str = "10.13.32.19";
pub const LOCAL: &str = "10.13.131.137";

/// What a call ended with.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    /// It must have ended so; then what it printed.
    #[track_caller]
    pub fn with(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.out + &self.err
    }
}

pub struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    /// With the shipped files in `etc`, readable by their group, and units that systemd knows.
    pub fn new() -> Self {
        let host = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["etc", "bin"] {
            fs::create_dir(host.at(folder)).unwrap();
        }
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/switch")).unwrap() {
            let entry = entry.unwrap();
            let file = host.etc(entry.file_name().to_str().unwrap());
            fs::copy(entry.path(), &file).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        }
        host.systemctl("");
        host
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn etc(&self, name: &str) -> PathBuf {
        self.at("etc").join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.etc(name)).unwrap()
    }

    pub fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.text(name);
        assert!(text.contains(old), "{name} holds no {old}");
        fs::write(self.etc(name), text.replace(old, new)).unwrap();
    }

    /// A systemctl that knows every unit but `unknown.service`, notes its calls, and does this first.
    pub fn systemctl(&self, first: &str) {
        let noted = self.at("calls").display().to_string();
        let script = format!(
            "#!/bin/sh\nshift\ncase $1 in show) ;; is-failed) ;; *) echo \"$*\" >> {noted} ;; esac\n{first}\n\
             case \"$*\" in show*unknown.service) echo not-found ;; show*) echo loaded ;; is-failed*) exit 1 ;; esac\n"
        );
        fs::write(self.at("bin/systemctl"), script).unwrap();
        fs::set_permissions(self.at("bin/systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What systemctl was told to do so far.
    pub fn calls(&self) -> Vec<String> {
        let noted = fs::read_to_string(self.at("calls")).unwrap_or_default();
        noted.lines().map(str::to_owned).collect()
    }

    /// The path in which the stand-in comes first and the program under test next.
    pub fn path(&self) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_keyward")).parent().unwrap();
        format!("{}:{}:/usr/bin:/bin", self.at("bin").display(), program.display())
    }

    /// `keyward switch-auth` with these words and the host's own record, under another program if there is one.
    pub fn call(&self, under: &[&str], words: &[&str]) -> Said {
        let all = under.iter().chain(&[env!("CARGO_BIN_EXE_keyward"), "switch-auth"]).chain(words);
        let all: Vec<&str> = all.copied().collect();
        let mut command = Command::new(all[0]);
        let state = self.at("state").display().to_string();
        command.args(&all[1..]).args(["--state", &state]).env("PATH", self.path()).current_dir(self.at("etc"));
        command.output().unwrap().into()
    }

    /// From the remote Keystone to the local one, in every file.
    pub fn switch(&self, words: &[&str]) -> Said {
        self.call(&[], &[&["--from", REMOTE, "--to", LOCAL, "*.conf", "*.ini", "*.py"], words].concat())
    }

    pub fn revert(&self, words: &[&str]) -> Said {
        self.call(&[], &[&["--revert"], words].concat())
    }

    /// Every file in `etc` with its bytes.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(self.at("etc")).unwrap().map(|entry| entry.unwrap());
        files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
    }

    /// Those that the services read, without what keyward keeps beside them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.all();
        files.retain(|name, _| !name.contains(".keyward-"));
        files
    }

    /// The dated copies.
    pub fn copies(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.all();
        files.retain(|name, _| name.contains(".keyward-"));
        files
    }
}

/// The files as they must be after the switch: the other host in every line that is no comment. No line of the files
/// names it otherwise.
pub fn switched(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let line = |line: &[u8]| -> Vec<u8> {
        if line.starts_with(b"#") {
            return line.to_vec();
        }
        let mut new = Vec::new();
        let mut rest = line;
        while let Some(at) = rest.windows(REMOTE.len()).position(|word| word == REMOTE.as_bytes()) {
            new.extend_from_slice(&rest[..at]);
            new.extend_from_slice(LOCAL.as_bytes());
            rest = &rest[at + REMOTE.len()..];
        }
        new.extend_from_slice(rest);
        new
    };
    let text = |text: &[u8]| text.split_inclusive(|byte| *byte == b'\n').flat_map(line).collect();
    files.iter().map(|(name, bytes)| (name.clone(), text(bytes))).collect()
}
