-- Copies the rows of a table in partitions as they are; needs SELECT here, INSERT there.
SET STATEMENT sql_mode = 'NO_AUTO_VALUE_ON_ZERO', check_constraint_checks = 0
FOR INSERT INTO {into} ({columns}) SELECT {columns} FROM {from};
