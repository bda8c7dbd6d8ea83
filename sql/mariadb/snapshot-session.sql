-- Makes a session patient, and exact: bytes as stored, times in UTC; needs no privilege.
SET SESSION net_write_timeout = 600, net_read_timeout = 600, wait_timeout = 28800, max_statement_time = 0,
    idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0, lock_wait_timeout = 60,
    time_zone = '+00:00', sql_mode = '', tx_isolation = 'REPEATABLE-READ', sql_quote_show_create = 1;
