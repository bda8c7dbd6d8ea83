-- Makes a session patient, and exact: bytes as stored, times in UTC; needs no privilege.
SET SESSION net_write_timeout = 600, net_read_timeout = 600, wait_timeout = 28800, max_execution_time = 0,
    lock_wait_timeout = 60, time_zone = '+00:00', sql_mode = '', transaction_isolation = 'REPEATABLE-READ',
    information_schema_stats_expiry = 0, sql_quote_show_create = 1;
