-- Makes a session exact (bytes as stored, times in UTC), never wait behind a lock for long and never run on; no privilege.
SET SESSION time_zone = '+00:00', sql_mode = '', tx_isolation = 'REPEATABLE-READ', lock_wait_timeout = 10,
    wait_timeout = 900, net_write_timeout = 60, max_statement_time = {seconds}, idle_transaction_timeout = 0,
    idle_readonly_transaction_timeout = 0, sql_quote_show_create = 1;
