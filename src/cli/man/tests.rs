use super::*;

/// A page as roff, without the signs that escape it.
fn read(page: Page) -> String {
    super::page(page).unwrap().replace('\\', "")
}

#[test]
fn every_command_and_every_flag_has_its_entry() {
    let page = read(Page::Keyward);
    let cli = Cli::command();
    for command in cli.get_subcommands() {
        let entry = format!(".SS \"keyward {}", command.get_name());
        let text = page.split(&entry).nth(1).unwrap_or_else(|| panic!("{entry} is missing in:\n{page}"));
        let text = text.split("\n.S").next().unwrap();
        for argument in command.get_arguments() {
            let name = argument.get_long().map_or_else(|| value(argument), |long| format!("--{long}"));
            assert!(text.contains(&name), "{name} is missing at {entry}:\n{text}");
        }
    }
    for piece in ["--config", "--verbose", "KEYWARD_CONFIG", "EXIT STATUS"] {
        assert!(page.contains(piece), "{piece}");
    }
}

#[test]
fn every_setting_has_its_entry_with_its_default_or_an_example() {
    let page = read(Page::Settings);
    let keys = include_str!("../../../examples/keyward.toml").lines().filter_map(|line| {
        let (key, value) = line.strip_prefix('#').unwrap_or(line).split_once(" = ")?;
        key.chars().all(|c| c.is_ascii_lowercase() || c == '_').then_some((key, value))
    });
    let keys: Vec<(&str, &str)> = keys.collect();
    assert!(keys.len() > 40, "the sample was not read");
    for (key, _) in &keys {
        assert!(page.contains(&format!("fB{key}fR = fI")), "{key} is missing in:\n{page}");
    }
    let entry = |text: &str| page.split(text).nth(1).unwrap().split("\n.TP").next().unwrap().to_owned();
    assert!(entry("fBpoll_intervalfR").contains("This is the default."));
    assert!(entry("fBaddressesfR").contains("No default; this is an example."));
    // two keys below one comment, and one that another kind of hook repeats without a word
    assert!(page.contains(".TQ\nfBtls_key_filefR"), "{page}");
    assert_eq!(page.matches("fBoptionalfR").count(), 1, "{page}");
}
