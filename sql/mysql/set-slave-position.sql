-- Declares transactions as done on a server that has none; needs SYSTEM_VARIABLES_ADMIN.
SET GLOBAL gtid_purged = {position};
