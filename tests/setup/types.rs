//! What only MySQL has, and how its values are kept: every bit arrives there too, by LOAD DATA and by INSERT.

use keyward::lab::Kind;
use keyward::lab::skip::lacks;

use crate::engine::{as_root, assert_same, copy, pair_of};

const TABLES: &str = r#"
CREATE DATABASE keystone CHARACTER SET utf8mb4;
USE keystone;
SET NAMES utf8mb4;
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
CREATE TABLE numbers (
    id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, big BIGINT UNSIGNED, fixed DECIMAL(65,30), f FLOAT, d DOUBLE,
    bits BIT(64), bit9 BIT(9), y YEAR
);
INSERT INTO numbers VALUES
    (0, 18446744073709551615, '-99999999999999999999999999999999999.999999999999999999999999999999', 0.1,
     1.7976931348623157e308, b'1111111111111111111111111111111111111111111111111111111111111111', b'100100111', 2155),
    (7, 0, 0, 16777217, 4.9e-324, 0x275c0a, 0x5c, 0), (8, NULL, NULL, 3.4028235e38, 0.1234567890123456789, 0, 0, 1901),
    (9, 1, 1, 1e-45, -0e0, NULL, NULL, NULL);
CREATE TABLE times (id INT PRIMARY KEY, da DATE, ti TIME(6), dt DATETIME(6), ts TIMESTAMP(6) NULL);
INSERT INTO times VALUES (1, '0000-00-00', '-838:59:59', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
    (2, '2026-02-31', '838:59:59', '9999-12-31 23:59:59.999999', '2026-10-25 01:30:00.000001'),
    (3, '2026-00-15', '-00:00:00.1', '2026-11-00 01:02:03.4', NULL);
CREATE TABLE texts (
    id INT PRIMARY KEY, c CHAR(10), u VARCHAR(100), l VARCHAR(100) CHARACTER SET latin1, u16 VARCHAR(50) CHARACTER SET utf16,
    sj VARCHAR(50) CHARACTER SET sjis, bi BINARY(8), lb LONGBLOB, t TEXT, en ENUM('', 'a', '1', 'é'), se SET('x', '1', 'z é'),
    plain ENUM('one', 'two')
);
INSERT INTO texts VALUES
    (1, 'abc   ', '😀 it''s "quoted" \\ back\0slash\n\r\Z\t%_\\N', 'é', '😀', 'ソ表能', 0x00270a5c, REPEAT(0x00275c0a, 9000),
     REPEAT('😀', 3000), '1', 'x,z é', 'two'),
    (2, '', '', '', '', '', '', '', '', '', '', 'one'), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, '\\', '\\N', '\'', '\\', '\\', '\\', '\\', '\'', 'a', '1', NULL);
SET SESSION sql_mode = '';
INSERT INTO texts (id, en) VALUES (5, 'nobody');
CREATE TABLE documents (id INT PRIMARY KEY, j JSON, g GEOMETRY, p POINT NOT NULL SRID 4326, SPATIAL KEY (p));
INSERT INTO documents VALUES
    (1, '{"a": "😀\\n\\"", "b": [1, null, 1.5, -0.0, 1e300, "\\u0000"], "c": {"d": ""}}', ST_GeomFromText('LINESTRING(0 0,1 1)'),
     ST_GeomFromText('POINT(39 92)', 4326)),
    (2, 'null', NULL, ST_GeomFromText('POINT(0 0)', 4326)), (3, NULL, NULL, ST_GeomFromText('POINT(-1 1)', 4326));
CREATE TABLE derived (
    id INT PRIMARY KEY, word VARCHAR(20), hidden INT INVISIBLE DEFAULT 5, virt VARCHAR(40) AS (CONCAT(word, '!')) VIRTUAL,
    kept INT AS (id * 2) STORED, made VARCHAR(40) DEFAULT (UUID()), KEY (virt), UNIQUE (kept), KEY f ((LOWER(word))),
    KEY descending (id DESC), KEY unseen (hidden) INVISIBLE,
    CONSTRAINT positive CHECK (id > 0) /*!80016 NOT ENFORCED */
) COMMENT 'a 😀 comment';
"#;

const MORE: &str = r#"
USE keystone;
INSERT INTO derived (id, word, hidden) VALUES (1, 'ä', 6), (2, NULL, NULL), (-3, 'x', 0);
CREATE TABLE parts (id INT, day DATE, PRIMARY KEY (id, day)) PARTITION BY RANGE (YEAR(day))
    (PARTITION old VALUES LESS THAN (2000), PARTITION newer VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, '1999-01-01'), (2, '2026-01-01');
"#;

#[test]
fn every_value_that_mysql_has_arrives_bit_for_bit() {
    if lacks(Kind::MySql97) {
        return;
    }
    let pair = pair_of(Kind::MySql97);
    pair.master.sql(TABLES);
    pair.master.sql(MORE);
    for load in ["Com_load\t0", ""] {
        let mut target = as_root(&pair);
        if !load.is_empty() {
            // without the right to switch LOAD DATA LOCAL on
            pair.replica.sql(
                "SET sql_log_bin = 0; CREATE USER plain@localhost IDENTIFIED BY 'p'; GRANT ALL ON keystone.* TO plain@localhost; \
                 GRANT SESSION_VARIABLES_ADMIN ON *.* TO plain@localhost",
            );
            target.account.user = "plain".into();
            target.account.password = "p".into();
        }
        pair.replica.sql("DROP DATABASE IF EXISTS keystone");
        copy(&pair, target, |_| {}).unwrap();
        assert_same(&pair, &["numbers", "times", "texts", "documents", "derived", "parts"]);
        for question in [
            "SELECT id, HEX(c), HEX(u), HEX(l), HEX(u16), HEX(sj), HEX(bi), HEX(t), en + 0, se + 0 FROM keystone.texts ORDER BY id",
            "SELECT id, CAST(f AS DOUBLE), d, HEX(bits), HEX(bit9) FROM keystone.numbers ORDER BY id",
            "SELECT id, j, HEX(ST_AsBinary(g)), ST_AsText(p) FROM keystone.documents ORDER BY id",
            "SELECT id, word, hidden, virt, kept, made FROM keystone.derived ORDER BY id",
        ] {
            assert_eq!(pair.master.sql(question), pair.replica.sql(question), "{question}");
        }
        let loaded = pair.replica.sql("SHOW GLOBAL STATUS LIKE 'Com_load'");
        assert_eq!(loaded == "Com_load\t0", !load.is_empty(), "{loaded}");
    }
    assert_eq!(pair.replica.sql("SELECT @@local_infile"), "0", "given back");
}
