//! `keyward completions SHELL`: prints what the shell needs to complete commands, flags, and the names of regions and
//! replicas.
//!
//! The names are not in what clap makes. For bash, zsh and fish a part of our own asks `keyward check` for them, so that they
//! are there for whoever may read the settings.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Cli, Completions};
use super::exit::Exit;
use super::output;

/// Prints the completions.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &Completions) -> anyhow::Result<Exit> {
    output::write(&script(args.shell))?;
    Ok(Exit::Done)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keyward", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script + include_str!("completions/places.bash"),
        Shell::Fish => script + include_str!("completions/places.fish"),
        Shell::Zsh => named(&script),
        _ => script,
    }
}

/// A script for zsh, with functions of our own where clap knows nothing to offer.
fn named(script: &str) -> String {
    // the help of each argument, and what completes it
    let places = [
        ("region -- The region", "_keyward_regions"),
        ("region -- The region; every region when left out", "_keyward_regions"),
        ("place -- The region, or one replica of it", "_keyward_places"),
        ("[Only this region, or one replica of it]:REGION[/REPLICA]", "_keyward_places"),
    ];
    let filled = places.iter().fold(script.to_owned(), |script, (what, function)| {
        script.replace(&format!("{what}:_default"), &format!("{what}:{function}"))
    });
    // the last lines call what stands above them
    match filled.rfind("if [ \"$funcstack") {
        Some(end) => format!("{}{}{}", &filled[..end], include_str!("completions/places.zsh"), &filled[end..]),
        None => filled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zsh_asks_for_names_wherever_one_is_wanted() {
        let script = script(Shell::Zsh);
        let asked = |function: &str| script.matches(&format!(":{function}'")).count();
        assert_eq!((asked("_keyward_regions"), asked("_keyward_places")), (5, 5), "{script}");
        let (defined, called) =
            (script.find("_keyward_places() {").unwrap(), script.find("if [ \"$funcstack").unwrap());
        assert!(defined < called);
    }
}
