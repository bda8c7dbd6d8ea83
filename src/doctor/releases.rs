//! Keystone's releases, as far as the revision of its schema tells them. Source: `keystone/common/sql/migrations` of
//! each release.

/// The first and the last release whose newest revision this is; the last is absent for the newest that is known.
struct Known(&'static str, &'static str, Option<&'static str>);

const REVISIONS: [Known; 9] = [
    Known("27e647c0fad4", "21 (Yoga)", Some("21 (Yoga)")),
    Known("29e87d24a316", "21 (Yoga)", Some("23 (2023.1)")),
    Known("e25ffa003242", "21 (Yoga)", Some("23 (2023.1)")),
    Known("b4f8b3f584e0", "24 (2023.2)", Some("24 (2023.2)")),
    Known("11c3b243b4cb", "24 (2023.2)", Some("24 (2023.2)")),
    Known("47147121", "25 (2024.1)", Some("27 (2025.1)")),
    Known("e8725d6fa226", "28 (2025.2)", Some("28 (2025.2)")),
    Known("742c857f1dfb", "29 (2026.1)", None),
    // the contracting half of 2023.2's revisions is still the newest of its kind
    Known("c88cdce8f248", "24 (2023.2)", None),
];

/// Which release of Keystone a schema's revisions mean; `None` when keyward knows none of them.
pub fn meant(revisions: &[String]) -> Option<String> {
    // of the two halves of a revision the one that tells more stands first
    let known = REVISIONS.iter().find(|known| revisions.iter().any(|revision| revision == known.0))?;
    let Known(_, first, last) = known;
    Some(match last {
        Some(last) if last == first => format!("Keystone {first}"),
        Some(last) => format!("Keystone {first} to {last}"),
        None => format!("Keystone {first} or later"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_mean_releases_as_far_as_they_are_known() {
        let of = |revisions: &[&str]| meant(&revisions.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["29e87d24a316", "e25ffa003242"]).unwrap(), "Keystone 21 (Yoga) to 23 (2023.1)");
        assert_eq!(of(&["742c857f1dfb", "c88cdce8f248"]).unwrap(), "Keystone 29 (2026.1) or later");
        assert_eq!(of(&["c88cdce8f248", "47147121"]).unwrap(), "Keystone 25 (2024.1) to 27 (2025.1)");
        assert_eq!(of(&["ffffffffffff"]), None);
    }
}
