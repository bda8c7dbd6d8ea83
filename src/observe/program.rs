//! Whether the program of an `exec` hook is there to be run, asked before it is needed.

use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use tokio::time::timeout;

use crate::wire::blocking::off_thread;

/// How long looking may take: a program on a dead network mount would take for ever.
const LIMIT: Duration = Duration::from_secs(10);

/// Why keyward could not run the program now; `None` when it could, as far as can be told without running it.
pub async fn obstacle(program: &str) -> Option<String> {
    let path = PathBuf::from(program);
    let seen = timeout(
        LIMIT,
        off_thread(move || {
            let file = path.metadata()?.is_file();
            accessat(CWD, &path, Access::EXEC_OK, AtFlags::EACCESS)?;
            Ok(file)
        }),
    );
    let why = match seen.await {
        Ok(Ok(true)) => return None,
        Ok(Ok(false)) => "is no program".to_owned(),
        Ok(Err(error)) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => "is not there".to_owned(),
        Ok(Err(error)) if error.raw_os_error() == Some(Errno::ACCESS.raw_os_error()) => {
            "may not be executed by keyward's user".to_owned()
        }
        Ok(Err(error)) => format!("cannot be looked at: {error}"),
        Err(_) => format!("does not answer within {}s; is it on a network mount?", LIMIT.as_secs()),
    };
    Some(format!("{program} {why}"))
}
