-- Lets the server end a session that has been left behind, and wait behind somebody's lock as little as it can; no privilege.
SET SESSION wait_timeout = {idle_seconds}, sql_mode = ''
    /*M! , max_statement_time = {statement_seconds}, lock_wait_timeout = {lock_seconds}, innodb_lock_wait_timeout = {lock_seconds} */
    /*!80000 , max_execution_time = {statement_millis}, lock_wait_timeout = {lock_seconds_or_one}, innodb_lock_wait_timeout = {lock_seconds_or_one} */;
