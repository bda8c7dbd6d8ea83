-- Limits how long the lock may wait for others; needs no privilege.
SET SESSION lock_wait_timeout = 1;
