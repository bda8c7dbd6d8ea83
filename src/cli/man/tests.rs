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
fn the_head_has_its_parts_in_order_and_no_word_is_cut_in_two() {
    for (page, name) in [(Page::Keyward, "keyward 1"), (Page::Settings, "keyward.toml 5")] {
        let text = super::page(page).unwrap();
        let head = text.lines().next().unwrap();
        let day = head.strip_prefix(&format!(".TH {name} \"")).and_then(|rest| rest.split('"').next()).unwrap();
        assert!(day.parse::<jiff::civil::Date>().is_ok(), "{head}");
        assert!(head.ends_with(&format!("\"keyward {VERSION}\" Keyward")), "{head}");
        assert!(text.lines().any(|line| line == ".nh"), "{name}");
    }
}

#[test]
fn what_help_says_of_a_command_stands_in_the_page_too() {
    let page = read(Page::Keyward);
    let entry = |name: &str| page.split(&format!(".SS \"keyward {name}")).nth(1).unwrap().split("\n.S").next().unwrap();
    assert!(entry("failover").contains("Why; kept in the log and the events. Required."), "{}", entry("failover"));
    let switch = entry("switch-auth");
    assert!(switch.starts_with(" [FILE]...\"") && switch.contains("3 when --revert had to leave"), "{switch}");
    assert!(switch.contains(".nf\n    keyward switch-auth --from"), "{switch}");
    assert!(switch.contains("By default /var/lib/keyward-switch-auth."), "{switch}");
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
