//! A copy that fills the replica's disk: it ends within a limit, says so, and the next run finishes when there is room.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyward::daemon::setup::End;
use keyward::lab::skip::{lacks, skip};
use keyward::lab::{Kind, Spec};
use tempfile::TempDir;

use crate::exact::assert_equal;
use crate::harness::{Pair, Server, is_done};
use crate::killed::fill;

/// A disk of its own, in a mount namespace that a process holds.
struct Disk {
    holder: Child,
    folder: TempDir,
}

impl Disk {
    /// With room for so many MiB; nothing where this system allows no mounts.
    fn of(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (place, ready) = (folder.path().join("disk"), folder.path().join("ready"));
        fs::create_dir(&place).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={megabytes}m small-disk {} && : >{} && exec sleep 600",
            place.display(),
            ready.display()
        );
        let mut holder =
            Command::new("unshare").args(["--mount", "sh", "-c", &script]).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while !ready.exists() {
            if holder.try_wait().unwrap().is_some() || began.elapsed() > Duration::from_secs(60) {
                skip("this system allows no mount namespaces");
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(Self { holder, folder })
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn enter(&self) -> [String; 4] {
        ["nsenter", "--target", &self.holder.id().to_string(), "--mount"].map(str::to_owned)
    }

    fn run(&self, script: &str) {
        let [program, rest @ ..] = self.enter();
        assert!(
            Command::new(program)
                .args(rest)
                .args(["sh", "-c", script])
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success(),
            "{script}"
        );
    }

    /// A server whose data is on it.
    fn server(&self, kind: Kind) -> Server {
        let data = self.place().join("data");
        // the lab has put a fresh data folder beside the option file
        let script = format!(
            "for word; do case $word in --defaults-file=*) folder=$(dirname ${{word#*=}});; esac; done; \
             [ -d {0} ] || cp -a $folder/data {0}; exec \"$@\"",
            data.display()
        );
        let mut words = self.enter().to_vec();
        words.extend(["sh", "-c", &script, "sh"].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let datadir = format!("datadir={}", data.display());
        Server::of(Spec::new("server", 2).kind(kind).line(&datadir).below(&words))
    }

    /// Leaves nothing of it.
    fn fill(&self) {
        self.run(&format!("! head -c 2G /dev/zero >{}", self.place().join("filler").display()));
    }

    fn clear(&self) {
        self.run(&format!("rm {}", self.place().join("filler").display()));
    }

    fn grow(&self, megabytes: u32) {
        self.run(&format!("mount -o remount,size={megabytes}m {}", self.place().display()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn failure(pair: &Pair) -> String {
    let began = Instant::now();
    let end = pair.set_up(&pair.admins());
    println!("after {:?}: {end:?}", began.elapsed());
    match end {
        End::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}

/// `size` is less than the copy takes, and more than the server alone.
fn a_full_disk_ends_a_copy(kind: Kind, size: u32) {
    let Some(disk) = Disk::of(size) else { return };
    let mut pair = Pair::new(Server::of_kind(kind, 1, &[]), disk.server(kind));
    fill(&pair.master, 3, 50_000, 1_000);

    // nothing is left from the beginning: the server waits for room, and keyward does not
    disk.fill();
    let why = failure(&pair);
    assert!(why.contains("replica RegionTwo/r2-db1") && why.contains("whose disk is full waits like that"), "{why}");
    disk.clear();
    // it would look for room within a minute
    pair.replica.restart(&[]);

    // it fills up on the way
    let why = failure(&pair);
    assert!(why.contains("replica RegionTwo/r2-db1") && why.contains("has no room left on its disk"), "{why}");
    disk.grow(1_000);
    let end = pair.set_up(&pair.admins());
    assert!(is_done(&end), "{end:?}");
    pair.catch_up();
    assert_equal(&pair);
}

#[test]
fn a_full_disk_ends_a_copy_on_mariadb_and_the_next_run_finishes_it() {
    a_full_disk_ends_a_copy(Kind::MariaDb1011, 150);
}

#[test]
fn a_full_disk_ends_a_copy_on_mysql_and_the_next_run_finishes_it() {
    if !lacks(Kind::MySql97) {
        a_full_disk_ends_a_copy(Kind::MySql97, 230);
    }
}
