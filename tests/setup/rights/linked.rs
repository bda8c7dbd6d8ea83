//! Rights that are missed once a replica is set up: by a comparison, and by moving its rows aside.

use keyward::compare::{self, Pace, Report};
use keyward::daemon::setup::{End, How, set_up_replica, sql_by_hand};
use keyward::dialect::grants::Grant;
use keyward::model::Family;
use keyward::plan::wanted;

use super::{DATABASE, Side, Stage, given, one, taken};
use crate::harness::{region, replica_name};

fn sentences(report: Report) -> Vec<String> {
    report.differences.iter().map(compare::Difference::sentence).collect()
}

impl Stage {
    fn verify(&self) -> Result<Vec<String>, String> {
        let (region, replica) = (region(), &self.pair.settings.regions[0].replicas[0]);
        let compared = compare::run(&self.pair.settings, (&region, replica), Pace::BRISK, &|_| {});
        self.runtime.block_on(compared).map(sentences).map_err(|error| error.to_string())
    }

    /// Sentences about rights whose loss a comparison of master and replica takes for equal, different, or nothing.
    pub fn missed_by_verify(&self) -> Vec<String> {
        assert_eq!(self.verify(), Ok(vec![]), "with all rights");
        let mut needed = vec![
            (Side::Master, Grant::schema(DATABASE, &["SELECT"])),
            (Side::Replica, Grant::schema(DATABASE, &["SELECT"])),
        ];
        if self.family == Family::MariaDb {
            needed.push((Side::Master, Grant::global(&["BINLOG MONITOR"])));
        }
        let mut wrong = Vec::new();
        for (side, grant) in needed {
            self.as_admin(side, &taken(&grant));
            let end = self.verify();
            println!("verify without {}: {end:?}", grant.words());
            self.as_admin(side, &given(&grant));
            let (server, right) = (if side == Side::Master { "master" } else { "replica" }, grant.rights_text());
            if !matches!(&end, Err(why) if why.contains(&right) && why.contains(server)) {
                wrong.push(format!("{side:?}: {}: verify does not name it: {end:?}", grant.words()));
            }
        }
        assert_eq!(self.verify(), Ok(vec![]), "with all rights again");
        wrong
    }

    /// The same of a replica's rows that are moved aside by keyward's own account.
    pub fn missed_by_moving_aside(&self) -> Vec<String> {
        // what `--print-sql` keeps behind a comment until it is wanted
        let (_, printed) = sql_by_hand(&self.pair.settings, self.family, &region(), &replica_name()).unwrap();
        let behind = printed.iter().skip_while(|line| !line.contains("which move rows aside:")).skip(1);
        let optional: Vec<&str> = behind.map(|line| line.strip_prefix("-- ").unwrap()).collect();
        self.as_admin(Side::Replica, &optional.join("\n"));
        let how = How { reseed: true, ..How::default() };
        let set_up = || {
            let (region, replica) = (region(), replica_name());
            self.runtime.block_on(set_up_replica(&self.pair.settings, &region, &replica, &how, &|_| {}))
        };
        let mut wrong = Vec::new();
        for grant in wanted::replica_move_rights(self.family, &[DATABASE.to_owned()]) {
            for right in &grant.rights {
                let grant = one(&grant, right);
                self.as_admin(Side::Replica, &taken(&grant));
                let end = set_up();
                println!("moving aside without {}: {end:?}", grant.words());
                self.as_admin(Side::Replica, &given(&grant));
                if !matches!(&end, End::Refused(why) if why.iter().any(|why| why.contains(&grant.words()))) {
                    wrong.push(format!("{}: moving aside does not name it: {end:?}", grant.words()));
                }
            }
        }
        let end = set_up();
        if !matches!(end, End::Done(_)) {
            wrong.push(format!("moving aside with all rights: {end:?}"));
        }
        wrong
    }

    /// As root, on a server that is set up.
    fn as_admin(&self, side: Side, statements: &str) {
        if side == Side::Replica {
            self.make_writable();
        }
        self.as_root(side, statements);
    }
}
