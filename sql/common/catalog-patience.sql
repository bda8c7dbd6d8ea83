-- Waits no longer than this for rows that somebody else holds; needs no privilege.
SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, autocommit = 1;
