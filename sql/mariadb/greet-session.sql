-- Lets the server end a session that has been left behind, and never wait behind somebody's lock; no privilege.
SET SESSION wait_timeout = {idle_seconds}, max_statement_time = {statement_seconds}, lock_wait_timeout = {lock_seconds},
    innodb_lock_wait_timeout = {lock_seconds}, sql_mode = '';
