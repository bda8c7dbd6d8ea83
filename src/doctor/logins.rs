//! Whether the region's services can log in: at the master's region, and at the region's own Keystone.

use super::facts::{Facts, ServiceLogin};
use super::{Answer, Check, Severity};

/// The checks of this group.
pub const CHECKS: [Check; 3] = [
    Check {
        id: "service-login-master",
        severity: Severity::Critical,
        looks_at: "Whether each login in the services' own files (`--service-conf`) works at the Keystone of the master's region.",
        why: "The services of a region that joined another keep the passwords of their own old Keystone until somebody changes them: they must be those of the master's region.",
        mend: "Write the password of the master's region into the service's file and restart the service. A password that is wrong there counts as a failed login of the user.",
        judge: at_master,
    },
    Check {
        id: "service-login-region",
        severity: Severity::Critical,
        looks_at: "Whether the same logins work at the region's own Keystone.",
        why: "They are what the region's services do as soon as it stands on its own.",
        mend: "An error of the server means a login that writes: see first-login-writes and failed-logins-service. A refusal means another database, or rows that have not come over yet.",
        judge: at_region,
    },
    Check {
        id: "token-size",
        severity: Severity::Warning,
        looks_at: "The size of a token that was really issued, against how long a header Apache (8190 bytes), nginx (8192), HAProxy (tune.bufsize without tune.maxrewrite, 15360) and Python (65536) take.",
        why: "Every request carries the token in a header; one that is too long ends in an error 400 that nobody understands.",
        mend: "Use fernet tokens, or raise LimitRequestFieldSize, large_client_header_buffers or tune.bufsize.",
        judge: token_size,
    },
];

/// What a header may have, line by line, with the name of the token's header.
const LIMITS: [(&str, usize); 4] = [("Apache", 8190), ("nginx", 8192), ("HAProxy", 16384 - 1024), ("Python", 65536)];
const HEADER: &str = "X-Subject-Token: ";

fn each<'a>(facts: &'a Facts, answer: &mut Answer) -> &'a [ServiceLogin] {
    answer.need(&facts.logins).map_or(&[], Vec::as_slice)
}

fn at_master(facts: &Facts, answer: &mut Answer) {
    for login in each(facts, answer) {
        if let Some(Err(why)) = answer.need(&login.at_master) {
            answer.find(format!("{} cannot log in at {}: {why}", login.name, facts.master_region));
        }
    }
}

fn at_region(facts: &Facts, answer: &mut Answer) {
    for login in each(facts, answer) {
        if let Some(Err(why)) = answer.need(&login.at_region) {
            answer.find(format!("{} cannot log in at the region's own Keystone: {why}", login.name));
        }
    }
}

fn token_size(facts: &Facts, answer: &mut Answer) {
    let logins = each(facts, answer);
    let sides = logins.iter().flat_map(|login| [&login.at_master, &login.at_region]);
    let issued: Vec<usize> = sides.filter_map(|side| answer.need(side)?.as_ref().ok().copied()).collect();
    let Some(longest) = issued.into_iter().max() else { return };
    let refuse = refusing(longest);
    if !refuse.is_empty() {
        answer.find(format!("a token has {longest} bytes, more than a header of {} may have", refuse.join(", ")));
    }
}

/// Who refuses a token of so many bytes.
fn refusing(bytes: usize) -> Vec<&'static str> {
    LIMITS.iter().filter(|(_, limit)| HEADER.len() + bytes > *limit).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_too_long_with_the_name_of_its_header() {
        assert_eq!(refusing(255), [""; 0]);
        assert_eq!(refusing(8190 - HEADER.len()), [""; 0]);
        assert_eq!(refusing(8191 - HEADER.len()), ["Apache"]);
        assert_eq!(refusing(20_000), ["Apache", "nginx", "HAProxy"]);
        assert_eq!(refusing(70_000), ["Apache", "nginx", "HAProxy", "Python"]);
    }
}
