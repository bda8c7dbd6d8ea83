-- Prepares a session on the replica to move schemas aside, out of the binlog; needs BINLOG ADMIN.
SET SESSION sql_log_bin = 0, lock_wait_timeout = 2, wait_timeout = 28800, foreign_key_checks = 1, sql_mode = '',
    autocommit = 1;
