-- A database that holds every kind of table, value and object that set-up promises to copy.
SET NAMES utf8mb4;
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+03:00';
CREATE DATABASE keystone CHARACTER SET latin1 COLLATE latin1_german1_ci COMMENT 'the site''s own remark, é';
CREATE DATABASE `odd_name%` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
USE keystone;

CREATE TABLE numbers (
    id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    tiny TINYINT, small SMALLINT, medium MEDIUMINT, big BIGINT, huge BIGINT UNSIGNED,
    filled INT(8) ZEROFILL, fixed DECIMAL(65,30), fixed0 DECIMAL(65,0),
    f FLOAT, fd FLOAT(7,2), d DOUBLE, dd DOUBLE(20,5), bits BIT(64), bit9 BIT(9), bit1 BIT(1), flag BOOLEAN, y YEAR
);
INSERT INTO numbers VALUES
    (0, -128, -32768, -8388608, -9223372036854775808, 18446744073709551615, 42,
     '-99999999999999999999999999999999999.999999999999999999999999999999',
     '99999999999999999999999999999999999999999999999999999999999999999',
     0.1, 12345.67, 0.1, 123456789012.34567, b'1111111111111111111111111111111111111111111111111111111111111111',
     b'100100111', b'1', TRUE, 2155),
    (NULL, 127, 32767, 8388607, 9223372036854775807, 0, 0, 0, 0, 16777217, -0.01, 1.7976931348623157e308, -0.5,
     b'0', b'0', b'0', FALSE, 0),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3.4028235e38, NULL, 2.2250738585072014e-308, NULL, b'101110000100111',
     b'001011100', NULL, NULL, 1901),
    (NULL, 0, 0, 0, 0, 0, 0, 1e-30, 0, 1.17549435e-38, 0.1, -0e0, 0, NULL, NULL, NULL, 2, 2026),
    (NULL, 1, 1, 1, 1, 1, 1, 1, 1, 1e-45, 99999.99, 4.9e-324, 1e14, 0x27, 0x5c, 0, 1, 1970),
    (NULL, 1, 1, 1, 1, 1, 1, 1, 1, 0.333333333333, 0.335, 0.1234567890123456789, 0.123455, 0x275c00, 0x00, 0, 1, 70);
CREATE TABLE times (
    id INT PRIMARY KEY, da DATE, ti TIME, ti6 TIME(6), dt DATETIME, dt6 DATETIME(6),
    ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6)
);
INSERT INTO times VALUES
    (1, '0000-00-00', '00:00:00', '-838:59:59.999999', '0000-00-00 00:00:00', '0000-00-00 00:00:00.000000',
     '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
    (2, '2026-02-31', '838:59:59', '00:00:00.000001', '2026-02-31 23:59:59', '9999-12-31 23:59:59.999999',
     '2026-10-25 02:30:00', '1970-01-01 03:00:01.000001'),
    (3, '2026-00-15', '-00:00:01', '-00:00:00.1', '1000-01-01 00:00:00', '2026-11-00 01:02:03.4',
     '2038-01-19 06:14:07', '2038-01-19 06:14:07.999999'),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE texts (
    id INT PRIMARY KEY,
    c CHAR(10), cb CHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, vc VARCHAR(100),
    u VARCHAR(100) CHARACTER SET utf8mb4, u3 VARCHAR(100) CHARACTER SET utf8mb3, u2 VARCHAR(50) CHARACTER SET ucs2,
    u16 VARCHAR(50) CHARACTER SET utf16, u32 VARCHAR(50) CHARACTER SET utf32, sj VARCHAR(50) CHARACTER SET sjis,
    bi BINARY(8), vb VARBINARY(100), tb TINYBLOB, b BLOB, mb MEDIUMBLOB, lb LONGBLOB,
    tt TINYTEXT, t TEXT CHARACTER SET utf8mb4, mt MEDIUMTEXT, lt LONGTEXT,
    squeezed BLOB COMPRESSED, j JSON,
    en ENUM('', 'a', 'é', 'it''s') CHARACTER SET latin1, se SET('x', 'y', 'z é'), big SET(
    'a00','a01','a02','a03','a04','a05','a06','a07','a08','a09','a10','a11','a12','a13','a14','a15','a16','a17','a18','a19','a20','a21',
    'a22','a23','a24','a25','a26','a27','a28','a29','a30','a31','a32','a33','a34','a35','a36','a37','a38','a39','a40','a41','a42','a43',
    'a44','a45','a46','a47','a48','a49','a50','a51','a52','a53','a54','a55','a56','a57','a58','a59','a60','a61','a62','a63')
);
INSERT INTO texts VALUES
    (1, 'abc   ', 'abc', 'trailing   ', '😀 it''s "quoted" \\ back\0slash\n\r\Z\t%_', 'é✓', 'é✓', '😀', '😀', 'ソ表能',
     0x00270a5c, 0x00ff27225c0a0d1a, 0x00, REPEAT(0x00275c0a, 5000), 0xf09f9880, REPEAT(0xff, 70000), 'é', REPEAT('😀', 3000), '', 'long',
     REPEAT('squeeze', 1000), '{"a": "😀", "b": [1, null, "\\u0000"]}', '', 'x,z é', 'a00,a31,a32,a62,a63'),
    (2, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '[]', 'a', '', ''),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL),
    (4, '\'', '\\', '\\\'', '\\', '\'', '\'', '\\', '\'', '\'', '\'', '\'\'', '\\\\', '\'', '\'', '\'', '\'', '\'', '\'', '\'', '\'', '"\'"',
     'it''s', 'y', 'a63');
SET SESSION sql_mode = '';
-- the ENUM value that is no member at all, which reads like the empty member
INSERT INTO texts (id, en) VALUES (5, 'nobody'), (6, 0);
INSERT INTO texts (id, mb) VALUES (7, REPEAT('0123456789abcdef', 200000));
SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
CREATE TABLE special (
    id INT PRIMARY KEY, u UUID, four INET4, six INET6, g GEOMETRY, p POINT NOT NULL, l LINESTRING, po POLYGON, mp MULTIPOINT,
    gc GEOMETRYCOLLECTION, SPATIAL KEY (p)
);
INSERT INTO special VALUES
    (1, '35653c0b-e62f-11f1-b7b0-02fc00000001', '1.2.3.4', '2001:db8::27', ST_GeomFromText('POINT(39 92)', 4326), POINT(1, 2),
     ST_GeomFromText('LINESTRING(0 0,1 1)'), ST_GeomFromText('POLYGON((0 0,9 0,9 9,0 0))'), ST_GeomFromText('MULTIPOINT(1 1,2 2)'),
     ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')),
    (2, '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::', NULL, POINT(0, 0), NULL, NULL, NULL, NULL),
    (3, NULL, NULL, '::ffff:1.2.3.4', NULL, POINT(-0.1, 1e300), NULL, NULL, NULL, NULL);
CREATE TABLE derived (
    id INT PRIMARY KEY, word VARCHAR(20) CHARACTER SET utf8mb4, hidden INT INVISIBLE DEFAULT 5,
    virt VARCHAR(40) CHARACTER SET utf8mb4 AS (CONCAT(word, '!')) VIRTUAL, stored INT AS (id * 2) STORED,
    seen TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, expr INT DEFAULT (1 + 2),
    CONSTRAINT positive CHECK (id > 0), KEY (virt), UNIQUE (stored)
);
INSERT INTO derived (id, word, hidden) VALUES (1, 'ä', 6), (2, NULL, NULL);
SET SESSION check_constraint_checks = 0;
INSERT INTO derived (id, word) VALUES (-1, 'older than the constraint');
SET SESSION check_constraint_checks = 1;

CREATE TABLE zparent (id INT PRIMARY KEY, name VARCHAR(10), UNIQUE KEY (name));
CREATE TABLE child (
    id INT PRIMARY KEY, parent INT, self INT,
    CONSTRAINT up FOREIGN KEY (parent) REFERENCES zparent (id) ON DELETE CASCADE ON UPDATE SET NULL,
    CONSTRAINT me FOREIGN KEY (self) REFERENCES child (id)
);
INSERT INTO zparent VALUES (1, 'one'), (2, 'two');
INSERT INTO child VALUES (2, 2, 2), (1, 1, 2), (3, NULL, NULL);
CREATE TABLE parts (id INT, day DATE, PRIMARY KEY (id, day)) COMMENT 'in parts'
    PARTITION BY RANGE (YEAR(day)) SUBPARTITION BY HASH (id) SUBPARTITIONS 2
    (PARTITION old VALUES LESS THAN (2000), PARTITION newer VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, '1999-01-01'), (2, '2026-01-01');
CREATE TABLE `we``ird "t'able` (`co``l 'umn` INT, `select` INT) ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE = 8;
INSERT INTO `we``ird "t'able` VALUES (1, 2), (1, 2), (NULL, NULL);
CREATE TABLE empty_one (id INT AUTO_INCREMENT PRIMARY KEY) AUTO_INCREMENT = 77;
CREATE TABLE busy (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(100));
CREATE TABLE fulltext_one (id INT PRIMARY KEY, t TEXT, FULLTEXT KEY (t)) ENGINE = InnoDB;
INSERT INTO fulltext_one VALUES (1, 'some words');
CREATE TABLE log (what VARCHAR(100) CHARACTER SET utf8mb4);

-- views that need each other, against the order of their names
CREATE VIEW b_view AS SELECT id, name FROM zparent WHERE id > 0 WITH CHECK OPTION;
CREATE DEFINER = nobody@nowhere SQL SECURITY INVOKER VIEW a_view AS SELECT b.id, 'ß' AS sharp FROM b_view b;
CREATE ALGORITHM = MERGE VIEW `odd_name%`.across AS SELECT * FROM keystone.a_view;

DELIMITER $$
CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC COMMENT 'it''s two' RETURN x * 2 $$
CREATE FUNCTION dice() RETURNS INT NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO log VALUES ('dice'); RETURN 4; END $$
SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT' $$
CREATE PROCEDURE ansi(OUT o TEXT) BEGIN SELECT 'a' || "what" INTO o FROM "log" LIMIT 1; END $$
SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES' $$
CREATE DEFINER = nobody@nowhere PROCEDURE slashes() SELECT 'a\' AS x $$
SET SESSION sql_mode = '' $$
SET NAMES latin1 $$
CREATE PROCEDURE latin() SELECT 'Ã©' AS x $$
SET NAMES utf8mb4 $$
CREATE TRIGGER zparent_bi BEFORE INSERT ON zparent FOR EACH ROW INSERT INTO log VALUES (CONCAT('first 😀', NEW.name)) $$
CREATE TRIGGER a_second BEFORE INSERT ON zparent FOR EACH ROW FOLLOWS zparent_bi SET NEW.name = UPPER(NEW.name) $$
CREATE TRIGGER busy_au AFTER UPDATE ON busy FOR EACH ROW INSERT INTO log VALUES ('busy') $$
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 03:00:00' ENDS '2030-01-01 00:00:00' ON COMPLETION PRESERVE ENABLE
    COMMENT 'ON COMPLETION NOT PRESERVE ENABLE' DO INSERT INTO log VALUES ('night') $$
CREATE EVENT once ON SCHEDULE AT '2035-05-05 05:05:05' DISABLE DO BEGIN DELETE FROM log; END $$
ALTER DATABASE keystone CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci $$
CREATE FUNCTION later() RETURNS VARCHAR(10) DETERMINISTIC RETURN 'x' $$
DELIMITER ;
USE `odd_name%`;
CREATE TABLE `t` (id INT PRIMARY KEY);
INSERT INTO t VALUES (1);
