-- Makes a session exact (bytes as stored, times in UTC), never wait behind a lock for long and never run on; no privilege.
SET SESSION time_zone = '+00:00', sql_mode = '', transaction_isolation = 'REPEATABLE-READ', lock_wait_timeout = 10,
    wait_timeout = 900, net_write_timeout = 60, max_execution_time = {seconds}000, sql_quote_show_create = 1;
