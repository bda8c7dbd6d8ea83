-- Makes the account of a region's own Keystone without a trace in the binary log; the lab's root.
SET SESSION sql_log_bin = 0;
CREATE USER {user}@'%' IDENTIFIED BY {password};
GRANT ALL ON keystone.* TO {user}@'%';
