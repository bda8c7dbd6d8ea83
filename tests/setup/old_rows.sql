CREATE DATABASE keystone CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
USE keystone;
CREATE TABLE project (id VARCHAR(64) PRIMARY KEY, name VARCHAR(64), FULLTEXT (name));
CREATE TABLE assignment (id INT PRIMARY KEY AUTO_INCREMENT, project VARCHAR(64),
    CONSTRAINT of_project FOREIGN KEY (project) REFERENCES project (id) ON DELETE CASCADE);
CREATE TABLE tree (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES tree (id));
CREATE TABLE old_engine (id INT) ENGINE = Aria;
CREATE TABLE parts (id INT) PARTITION BY HASH (id) PARTITIONS 3;
CREATE TABLE versions (id INT) WITH SYSTEM VERSIONING;
CREATE SEQUENCE counter START WITH 7;
CREATE TABLE `odd ``name; '"é` (`key` INT PRIMARY KEY, note VARCHAR(20));
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, word VARCHAR(200)) AUTO_INCREMENT = 100;
DELIMITER $$
CREATE FUNCTION projects() RETURNS INT READS SQL DATA BEGIN RETURN (SELECT COUNT(*) FROM project); END$$
CREATE PROCEDURE touch() BEGIN INSERT INTO log (word) VALUES ('touched; and more'); END$$
CREATE TRIGGER keystone.first AFTER INSERT ON keystone.project FOR EACH ROW
    BEGIN INSERT INTO log (word) VALUES (CONCAT('first ', NEW.id)); END$$
CREATE TRIGGER second AFTER INSERT ON project FOR EACH ROW INSERT INTO log (word) VALUES (CONCAT('second ', NEW.id))$$
CREATE EVENT tick ON SCHEDULE EVERY 1 SECOND DO INSERT INTO log (word) VALUES ('tick')$$
DELIMITER ;
CREATE VIEW names AS SELECT p.name, a.id FROM project p LEFT JOIN assignment a ON a.project = p.id;
CREATE VIEW a_view_of_views AS SELECT names.name, projects() AS number FROM names;
INSERT INTO project VALUES ('p1', 'one'), ('p2', 'zwei ü');
INSERT INTO assignment (project) VALUES ('p1'), ('p2'), ('p2');
INSERT INTO tree VALUES (1, NULL), (2, 1);
INSERT INTO old_engine VALUES (1); INSERT INTO parts VALUES (1), (2), (3), (4); INSERT INTO versions VALUES (1);
UPDATE versions SET id = 2; INSERT INTO `odd ``name; '"é` VALUES (1, 'odd');
