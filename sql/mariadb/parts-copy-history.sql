-- Copies a table in partitions with the rows that it once held; needs SELECT here, INSERT there, and MariaDB 10.11.
SET STATEMENT sql_mode = 'NO_AUTO_VALUE_ON_ZERO', check_constraint_checks = 0, system_versioning_insert_history = 1
FOR INSERT INTO {into} ({columns}) SELECT {columns} FROM {from} FOR SYSTEM_TIME ALL;
