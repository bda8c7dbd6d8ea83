-- Keeps a lock from being waited for longer than 1 s, and lets the server end it when keyward falls silent; no privilege.
SET SESSION lock_wait_timeout = 1, wait_timeout = 1;
