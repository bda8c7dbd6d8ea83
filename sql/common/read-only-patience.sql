-- Limits how long read_only may wait for others; needs no privilege.
SET SESSION lock_wait_timeout = 2;
