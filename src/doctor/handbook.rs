//! The catalogue as a page for people: `docs/doctor.md` is made from it, and a test holds them together.

use std::fmt::Write as _;

use super::{CATALOGUE, checks};

const HEAD: &str = "# What `keyward doctor` looks for

Each check has a name, which stands in front of its findings and in `--json`. **Critical**: in an outage logins fail, or
the replica is at risk now. **Warning**: some logins fail, or a protection is missing. **Info**: good to know. With a
finding that is critical or a warning the command ends with 3.

`keyward doctor --catalogue` prints this page.
";

/// The page.
pub fn page() -> String {
    let mut page = format!("{HEAD}\nThere are {} checks.\n", checks().count());
    for (heading, checks) in CATALOGUE {
        let _ = write!(page, "\n## {heading}\n");
        for check in checks {
            let _ = write!(
                page,
                "\n### {}\n*{}.* {}\n\n{}\n\n**How to mend it.** {}\n",
                check.id,
                check.severity.code(),
                check.looks_at,
                check.why,
                check.mend
            );
        }
    }
    page
}
