//! Every way in which settings cannot work, and the one sentence that is said about it.

use super::{changed, said};

/// What is wrong in the short settings after one change, and the sentence about it.
const REFUSED: &[(&str, &str, &str)] = &[
    ("[account]", "pol_interval = \"1s\"\n[account]", "pol_interval: unknown key; did you mean `poll_interval`?"),
    ("[account]", "[acount]\n[account]", "acount: unknown key; did you mean `account`?"),
    ("[account]", "poll_interval = 1\n[account]", "poll_interval: must be text in quotes, not a number"),
    (
        "[account]",
        "poll_interval = \"1 parsec\"\n[account]",
        "poll_interval: \"1 parsec\" is not a duration: write it like 500ms, 5s, 2m or 1h 30m",
    ),
    ("[account]", "poll_interval = \"10ms\"\n[account]", "poll_interval: is 10ms, but must be from 50ms to 1m"),
    ("[account]", "state_dir = \"state\"\n[account]", "state_dir: \"state\" must be a path that starts with a slash"),
    ("[account]", "http = 1\n[account]", "http: must be a table"),
    (
        "[account]",
        "[http]\nlisten = \"9188\"\n[account]",
        "http.listen: \"9188\" is not HOST:PORT, for example 10.13.32.19:3306",
    ),
    (
        "[account]",
        "[http]\ntls_cert_file = \"/x\"\n[account]",
        "http.tls_key_file: is missing: tls_cert_file needs its private key",
    ),
    (
        "[account]",
        "[http]\nclient_ca_file = \"/x\"\n[account]",
        "http.client_ca_file: needs tls_cert_file and tls_key_file: only HTTPS asks for certificates",
    ),
    (
        "[account]",
        "[http]\nbasic_auth_users = { ops = \"hunter2\" }\n[account]",
        "http.basic_auth_users.ops: is not a bcrypt hash like $2y$10$...; make one with `htpasswd -nB NAME`",
    ),
    (
        "[account]",
        "[http]\nbasic_auth_users = { ops = \"$2y$17$nr3elUc3uLGY.5Hczyzgme70YXBWPs7yeVVIV1xQtIPGPeF5RApMO\" }\n[account]",
        "http.basic_auth_users.ops: is a bcrypt hash that takes too long to compute, its cost is above 16; make one with `htpasswd -nB NAME`",
    ),
    (
        "[account]",
        "[http]\nbasic_auth_users = { ops = \"$2x$10$nr3elUc3uLGY.5Hczyzgme70YXBWPs7yeVVIV1xQtIPGPeF5RApMO\" }\n[account]",
        "http.basic_auth_users.ops: is not a bcrypt hash like $2y$10$...; make one with `htpasswd -nB NAME`",
    ),
    (
        "[account]",
        "[log]\nlevel = \"inof\"\n[account]",
        "log.level: \"inof\" is no level; use one of off, error, warn, info, debug, trace, or a filter like keyward=debug,info",
    ),
    (
        "[account]",
        "[log]\nformat = \"xml\"\n[account]",
        "log.format: \"xml\" is not known; use \"plain\", \"json\" or \"oslo\"",
    ),
    (
        "[account]",
        "[tls]\nmode = \"verify-ca\"\n[account]",
        "tls.mode: is \"verify-ca\", which only the link between the servers can do: keyward's own connections check a \
         certificate's CA together with its name; use \"verify-identity\"",
    ),
    ("[account]", "[tls]\ncert_file = \"/x\"\n[account]", "tls.key_file: is missing: cert_file needs its private key"),
    (
        "[account]",
        "[account]\nuser = \"root\"",
        "account.user: \"root\" belongs to the server; name an account that only keyward uses",
    ),
    (
        "[account]",
        "[account]\npassword_file = \"x\"",
        "account.password: give either password or password_file, not both",
    ),
    ("\"s3cret-own\"", "7", "account.password: must be text in quotes, not a number"),
    ("\"s3cret-own\"", "\"s3cret\\nown\"", "account.password: must be one line, without control characters"),
    ("\"s3cret-own\"", "\"\"", "account.password: must not be empty"),
    (
        "[replication]",
        "[replication]\nuser = \"keyward\"",
        "replication.user: \"keyward\" is account.user too; the link needs an account of its own, with fewer rights",
    ),
    ("[replication]", "[replication]\ndatabases = []", "replication.databases: must name at least one database"),
    (
        "[replication]",
        "[replication]\ndatabases = \"keystone\"",
        "replication.databases: must be a list of texts like [\"one\", \"two\"], not text",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"keystone\", \"keystone\"]",
        "replication.databases[1]: \"keystone\" is named twice",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"MySQL\"]",
        "replication.databases[0]: \"MySQL\" is the server's own and is never replicated; remove it",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"keyward\"]",
        "replication.databases[0]: \"keyward\" is always replicated; remove it",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"a,b\"]",
        "replication.databases[0]: \"a,b\" cannot be replicated: the name of a database has 1 to 64 letters, digits, `_`, `$` or `-`",
    ),
    (
        "[replication]",
        "[replication]\ndatabases = [\"a𝒷\"]",
        "replication.databases[0]: \"a𝒷\" cannot be replicated: the name of a database has 1 to 64 letters, digits, `_`, `$` or `-`",
    ),
    (
        "[replication]",
        "[replication]\nauto_setup = \"yes\"",
        "replication.auto_setup: must be true or false, without quotes",
    ),
    (
        "[replication]",
        "[replication]\nverify_every = \"10s\"",
        "replication.verify_every: is 10s, but must be from 1m to 366d",
    ),
    (
        "[replication]",
        "[replication]\ntls = { ca_file = \"\" }",
        "replication.tls.ca_file: must name the CA's file on the replica's host, because mode is \"verify-identity\"",
    ),
    ("addresses = [\"10.0.0.1:3306\"]", "", "master.addresses: is missing"),
    (
        "addresses = [\"10.0.0.1:3306\"]",
        "adresses = []",
        "master.addresses: is missing\nmaster.adresses: unknown key; did you mean `addresses`?",
    ),
    ("[\"10.0.0.1:3306\"]", "[]", "master.addresses: must name the master's address, as HOST:PORT"),
    (
        "[\"10.0.0.1:3306\"]",
        "[\"10.0.0.1\"]",
        "master.addresses[0]: \"10.0.0.1\" is not HOST:PORT, for example 10.13.32.19:3306",
    ),
    ("[\"10.0.0.1:3306\"]", "[\"a:1\", \"a:1\"]", "master.addresses[1]: \"a:1\" is already `master.addresses[0]`"),
    ("name = \"RegionTwo\"", "", "regions[0].name: is missing"),
    ("\"RegionTwo\"", "\"\"", "regions[0].name: must not be empty"),
    ("\"RegionTwo\"", "\"Region/Two\"", "regions[0].name: \"Region/Two\" must not hold a slash"),
    (
        "\"RegionTwo\"",
        "\"Region\\nTwo\"",
        "regions[0].name: \"Region\\nTwo\" must hold no control characters and no spaces at its ends",
    ),
    (
        "\"RegionTwo\"",
        "\"RegionOne\"",
        "regions[0].name: \"RegionOne\" is the master's region; a region here holds replicas",
    ),
    (
        "[[regions]]",
        "[[regions]]\nname = \"RegionTwo\"\n[[regions.replicas]]\nname = \"a\"\naddress = \"a:1\"\n[[regions]]",
        "regions[1].name: \"RegionTwo\" is already `regions[0].name`",
    ),
    (
        "[[regions]]",
        "[[regions]]\nname = \"RegionNine\"\n[[regions]]",
        "regions[0].replicas: must hold at least one replica, written [[regions.replicas]]",
    ),
    (
        "10.0.0.2:3306",
        "10.0.0.1:3306",
        "regions[0].replicas[0].address: 10.0.0.1:3306 is the master's address; a replica is another server",
    ),
    (
        "10.0.0.2:3306",
        "[::ffff:10.0.0.1]:3306",
        "regions[0].replicas[0].address: [::ffff:10.0.0.1]:3306 is the master's address; a replica is another server",
    ),
    (
        "[[regions.replicas]]",
        "[[regions.replicas]]\nname = \"r2-db1\"\naddress = \"a:1\"\n[[regions.replicas]]",
        "regions[0].replicas[1].name: \"r2-db1\" is already `regions[0].replicas[0].name`",
    ),
    (
        "[[regions.replicas]]",
        "[[regions.replicas]]\nname = \"b\"\naddress = \"10.0.0.2:3306\"\n[[regions.replicas]]",
        "regions[0].replicas[1].address: \"10.0.0.2:3306\" is already `regions[0].replicas[0].address`",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nunreachable_after = \"100ms\"",
        "regions[0].failover.unreachable_after: is 100ms, but must be at least 500ms",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nunreachable_after = \"3s\"",
        "regions[0].failover.unreachable_after: is 3s, but must be at least 4s: 3 x probe_timeout (1s) + poll_interval (1s)",
    ),
    (
        "[regions.failover]",
        "[regions.failover]\nmax_data_age = \"10s\"",
        "regions[0].failover.max_data_age: is 10s, but must be more than unreachable_after (10s): no failover could pass it",
    ),
    (
        "[regions.failover]",
        "unreachable_after = \"20s\"\n[regions.failover]",
        "regions[0].replicas[0].unreachable_after: unknown key; its place is `regions[].failover.unreachable_after`",
    ),
    ("command = [\"/bin/true\"]", "", "regions[0].failover.hooks[0].command: is missing"),
    (
        "[\"/bin/true\"]",
        "[]",
        "regions[0].failover.hooks[0].command: must hold the program and its arguments, like [\"/etc/keyward/hooks/local-auth\"]",
    ),
    (
        "/bin/true",
        "true",
        "regions[0].failover.hooks[0].command: \"true\" must be the program's full path: a hook runs without a shell",
    ),
    (
        "[[regions.failover.hooks]]",
        "[[regions.failover.hooks]]\nname = \"services\"\ncommand = [\"/x\"]\n[[regions.failover.hooks]]",
        "regions[0].failover.hooks[1].name: \"services\" is already `regions[0].failover.hooks[0].name`",
    ),
    (
        "[[regions.failover.hooks]]",
        "[[regions.failover.hook]]",
        "regions[0].failover.hook: unknown key; did you mean `hooks`?",
    ),
];

#[test]
fn everything_that_cannot_work_is_refused_with_its_key_and_one_sentence() {
    for (piece, by, expected) in REFUSED {
        assert_eq!(said(&changed(piece, by)), *expected, "for {by:?} in place of {piece:?}");
    }
}

#[test]
fn a_link_password_that_the_server_would_quote_back_is_refused() {
    let long = "x".repeat(97);
    let expected = "replication.password: is longer than the 96 bytes that MariaDB takes for a link";
    assert_eq!(said(&changed("s3cret-link", &long)), expected);
}
