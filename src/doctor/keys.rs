//! The keys of the region's own Keystone against those of the master's region. Only fingerprints are compared.

use super::facts::{Asked, Facts, KeyPrints, Repository};
use super::{Answer, Check, Severity, some};

/// The checks of this group.
pub const CHECKS: [Check; 4] = [
    Check {
        id: "fernet-repository",
        severity: Severity::Critical,
        looks_at: "The repository of fernet keys: that it can be read and holds keys.",
        why: "Without keys Keystone answers every login and every token with an error 500.",
        mend: "Copy the repository from the master's region; do not make new keys.",
        judge: fernet_repository,
    },
    Check {
        id: "key-modes",
        severity: Severity::Warning,
        looks_at: "The permissions of the repositories of fernet and credential keys.",
        why: "Whoever reads a fernet key can make tokens of anybody.",
        mend: "Run chown -R keystone:keystone and chmod -R u=rwX,g=,o= on the repository.",
        judge: modes,
    },
    Check {
        id: "fernet-primary",
        severity: Severity::Critical,
        looks_at: "Whether the primary fernet key of each side is known to the other, by the fingerprints of both.",
        why: "A side that does not know the other's primary key takes none of its tokens: every session ends with the switch, or with the way back.",
        mend: "Copy the master's region's repository after each rotation, and rotate there alone. One rotation that was not copied yet does no harm, two do.",
        judge: fernet_primary,
    },
    Check {
        id: "credential-primary",
        severity: Severity::Warning,
        looks_at: "The same of the keys for credentials.",
        why: "EC2 credentials and one-time passwords (TOTP) cannot be read with other keys.",
        mend: "Copy the repository of credential keys from the master's region.",
        judge: credential_primary,
    },
];

fn fernet_repository(facts: &Facts, answer: &mut Answer) {
    let Some(keys) = answer.need(&facts.keys) else { return };
    match &keys.fernet {
        Some(Ok(repository)) if repository.keys.is_empty() => {
            answer.find(format!("the repository of fernet keys {} holds no key", repository.path));
        }
        Some(Err(why)) => answer.find(why.clone()),
        Some(Ok(_)) | None => {}
    }
}

fn modes(facts: &Facts, answer: &mut Answer) {
    let Some(keys) = answer.need(&facts.keys) else { return };
    for repository in keys.fernet.iter().chain([&keys.credential]).flatten() {
        if !repository.open.is_empty() {
            let open = some(repository.open.iter().map(String::as_str));
            answer.find(format!("others than the owner may open {open}"));
        }
    }
}

/// The key that a side encrypts with.
fn primary(keys: &KeyPrints) -> Option<&String> {
    keys.last_key_value().map(|(_, print)| print)
}

fn compare(what: &str, here: &Asked<Repository>, there: &KeyPrints, answer: &mut Answer) {
    let Some(here) = answer.need(here) else { return };
    let path = &here.path;
    let (Some(ours), Some(theirs)) = (primary(&here.keys), primary(there)) else {
        if there.is_empty() {
            answer.find(format!("the other side has no {what} keys, as its fingerprints say"));
        }
        return;
    };
    if !there.values().any(|print| print == ours) {
        answer.find(format!("the other side does not know the primary {what} key of {path}"));
    }
    if !here.keys.values().any(|print| print == theirs) {
        answer.find(format!("{path} does not hold the primary {what} key of the other side"));
    }
}

fn fernet_primary(facts: &Facts, answer: &mut Answer) {
    let (Some(keys), Some(other)) = (answer.need(&facts.keys), answer.need(&facts.other_keys)) else { return };
    match &keys.fernet {
        Some(fernet) => compare("fernet", fernet, &other.fernet, answer),
        None => {
            answer.miss("keyward compares the keys of fernet tokens alone, and this Keystone's are of another kind")
        }
    }
}

fn credential_primary(facts: &Facts, answer: &mut Answer) {
    let (Some(keys), Some(other)) = (answer.need(&facts.keys), answer.need(&facts.other_keys)) else { return };
    compare("credential", &keys.credential, &other.credential, answer);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(keys: &[(u32, &str)]) -> KeyPrints {
        keys.iter().map(|(number, print)| (*number, (*print).to_owned())).collect()
    }

    fn found(here: &[(u32, &str)], there: &[(u32, &str)]) -> usize {
        let mut answer = Answer::default();
        let here = Repository { keys: prints(here), ..Repository::default() };
        compare("fernet", &Ok(here), &prints(there), &mut answer);
        answer.findings.len()
    }

    #[test]
    fn one_rotation_that_was_not_copied_does_no_harm_and_two_do() {
        let start = [(0, "b"), (1, "a")];
        // a rotation makes the staged key the primary one, and a new one staged
        let once = [(0, "c"), (1, "a"), (2, "b")];
        let twice = [(0, "d"), (1, "a"), (2, "b"), (3, "c")];
        assert_eq!([found(&start, &start), found(&start, &once), found(&start, &twice)], [0, 0, 1]);
        assert_eq!(found(&twice, &start), 1);
        assert_eq!(found(&start, &[(0, "x"), (1, "y")]), 2);
        assert_eq!(found(&start, &[]), 1);
    }
}
