-- Makes a session on the replica take rows and definitions as they are, out of the binlog; needs BINLOG ADMIN.
SET SESSION sql_log_bin = 0, net_write_timeout = 600, net_read_timeout = 600, wait_timeout = 28800,
    max_statement_time = 0, idle_transaction_timeout = 0, lock_wait_timeout = 60, time_zone = '+00:00',
    sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', foreign_key_checks = 0, unique_checks = 1,
    check_constraint_checks = 0, innodb_strict_mode = 0, max_error_count = 65535, autocommit = 1;
