-- Keeps replication from starting by itself with the server; needs SYSTEM_VARIABLES_ADMIN and PERSIST_RO_VARIABLES_ADMIN.
SET PERSIST_ONLY skip_replica_start = ON;
