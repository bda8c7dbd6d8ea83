//! What somebody who was woken asks first, each answered in one sentence that every report shows: can users log in now,
//! and would they in an outage?

use super::phase::Phase;
use super::verdict::Verdict;
use super::view::{DoctorView, KeystoneView, RegionView};

impl RegionView {
    /// Whether the master lives and refuses keyward: it is not proven alive, and nobody knows what users meet there.
    pub fn is_refused(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.code == Verdict::MasterRefusesUs.code())
    }

    /// Where this region's users are sent, and whether they can log in there as far as keyward can tell.
    pub fn logins(&self, master_region: &str) -> String {
        let name = &self.name;
        match self.phase {
            Phase::Remote | Phase::Suspect => self.logins_away(master_region),
            Phase::Switching => {
                format!("Users are being moved to {name}; some logins fail until the hooks have succeeded.")
            }
            Phase::Local => self.logins_here(),
            Phase::Returning => {
                format!("Users are being moved back to {master_region}; some are still sent to {name}.")
            }
        }
    }

    fn logins_away(&self, master: &str) -> String {
        let proven = self.identity.as_ref().and_then(|keystone| keystone.login_up);
        match broken(self.identity.as_ref()) {
            Some(why) => format!("Users are sent to {master}, and {why}."),
            None if proven == Some(true) => format!("Users log in at {master}; keyward just did."),
            None if self.master_up == Some(false) && self.is_refused() => {
                format!(
                    "Users are sent to {master}, whose database refuses keyward: whether they can log in is not known."
                )
            }
            None if self.master_up == Some(false) => {
                format!("Users are sent to {master}, whose database does not answer: expect that nobody can log in.")
            }
            None if self.master_up.is_none() => format!("Users are sent to {master}; nobody has looked at it yet."),
            None => format!("Users log in at {master}."),
        }
    }

    fn logins_here(&self) -> String {
        let name = &self.name;
        let local = self.local_identity.as_ref();
        let obstacle = local.and_then(|keystone| keystone.obstacle.as_ref());
        match broken(local) {
            _ if local.is_some_and(|keystone| keystone.validates == Some(false)) => {
                format!("Users are sent to {name}, and its own Keystone finds no token valid.")
            }
            Some(why) if obstacle.is_none() => format!("Users are sent to {name}, and {why}."),
            _ => match obstacle {
                Some(obstacle) => {
                    format!("Users log in at {name}, but not who has not logged in today: {}", obstacle.sentence)
                }
                None => format!("Users log in at {name}; what they change there is refused."),
            },
        }
    }
}

/// What keeps everybody from logging in at a Keystone, if it is known.
fn broken(keystone: Option<&KeystoneView>) -> Option<String> {
    let keystone = keystone?;
    let what = match (keystone.up, keystone.login_up) {
        (Some(false), _) => "its Keystone does not answer",
        (_, Some(false)) => "its Keystone does not log keyward in",
        _ => return None,
    };
    Some(keystone.failure.as_ref().map_or(what.to_owned(), |failure| format!("{what}: {failure}")))
}

impl DoctorView {
    /// What should be mended before the next outage, in one sentence with the names of the checks; none when nothing.
    pub fn summary(&self) -> Option<String> {
        let counted = |number: usize, word: &str| (number > 0).then(|| format!("{number} {word}"));
        let warnings = if self.warning == 1 { "warning" } else { "warnings" };
        let counts: Vec<String> =
            [counted(self.critical, "critical"), counted(self.warning, warnings)].into_iter().flatten().collect();
        if counts.is_empty() {
            return None;
        }
        let mut names: Vec<&str> = Vec::new();
        for finding in &self.findings {
            if !names.contains(&finding.check.as_str()) {
                names.push(&finding.check);
            }
        }
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        // a warning says that it would go badly for some, and the region may be ready all the same
        let begin = if self.critical > 0 { "Not ready for an outage" } else { "To be mended before an outage" };
        Some(format!("{begin}: {}{names}. See `keyward doctor`.", counts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::{FindingView, ObstacleView, VerdictView};
    use super::*;

    fn region(phase: Phase, master_up: Option<bool>) -> RegionView {
        RegionView { name: "RegionTwo".into(), phase, master_up, ..RegionView::default() }
    }

    #[test]
    fn each_phase_says_where_users_are_and_whether_they_can_log_in() {
        let said = |phase, up| region(phase, up).logins("RegionOne");
        assert_eq!(said(Phase::Remote, Some(true)), "Users log in at RegionOne.");
        assert!(said(Phase::Remote, None).contains("nobody has looked at it yet"));
        for phase in [Phase::Remote, Phase::Suspect] {
            let text = said(phase, Some(false));
            assert!(text.contains("sent to RegionOne") && text.ends_with("nobody can log in."), "{text}");
        }
        assert!(said(Phase::Switching, Some(false)).contains("being moved to RegionTwo"));
        assert_eq!(said(Phase::Local, Some(false)), "Users log in at RegionTwo; what they change there is refused.");
        assert!(said(Phase::Returning, Some(true)).contains("back to RegionOne"));
    }

    #[test]
    fn of_a_master_that_refuses_keyward_nothing_is_said_that_nobody_knows() {
        let mut view = region(Phase::Remote, Some(false));
        view.verdicts.push(VerdictView {
            code: "master_refuses_us".into(),
            severity: "critical".into(),
            sentence: "It lives and refuses keyward.".into(),
        });
        let said = view.logins("RegionOne");
        assert!(said.ends_with("refuses keyward: whether they can log in is not known."), "{said}");
    }

    #[test]
    fn what_the_login_probe_saw_counts_more_than_the_database() {
        let mut view = region(Phase::Remote, Some(true));
        let mut keystone = KeystoneView { up: Some(true), login_up: Some(false), ..KeystoneView::default() };
        keystone.failure = Some("answered with 500".into());
        view.identity = Some(keystone.clone());
        let said = view.logins("RegionOne");
        assert_eq!(said, "Users are sent to RegionOne, and its Keystone does not log keyward in: answered with 500.");
        view.identity = Some(KeystoneView { up: Some(true), login_up: Some(true), ..KeystoneView::default() });
        assert_eq!(view.logins("RegionOne"), "Users log in at RegionOne; keyward just did.");

        view.phase = Phase::Local;
        view.local_identity = Some(KeystoneView { up: Some(false), ..KeystoneView::default() });
        assert_eq!(view.logins("RegionOne"), "Users are sent to RegionTwo, and its Keystone does not answer.");
        keystone.obstacle = Some(ObstacleView { code: "read_only".into(), sentence: "It cannot write.".into() });
        view.local_identity = Some(keystone.clone());
        let said = view.logins("RegionOne");
        assert_eq!(said, "Users log in at RegionTwo, but not who has not logged in today: It cannot write.");
        keystone.validates = Some(false);
        view.local_identity = Some(keystone);
        assert!(view.logins("RegionOne").ends_with("finds no token valid."));
    }

    #[test]
    fn what_the_doctor_found_is_counted_and_each_check_named_once() {
        let finding = |check: &str| FindingView { check: check.into(), ..FindingView::default() };
        let found = |critical, warning, findings| DoctorView {
            critical,
            warning,
            info: 9,
            unasked: 1,
            findings,
            ..DoctorView::default()
        };
        let said = found(2, 1, vec![finding("keys"), finding("keys"), finding("utf8")]).summary().unwrap();
        assert_eq!(said, "Not ready for an outage: 2 critical, 1 warning (keys, utf8). See `keyward doctor`.");
        let warned = found(0, 2, vec![finding("utf8")]).summary().unwrap();
        assert_eq!(warned, "To be mended before an outage: 2 warnings (utf8). See `keyward doctor`.");
        assert_eq!(found(0, 0, Vec::new()).summary(), None, "what is good to know alone needs nobody");
    }
}
