-- Stops applying, goes on receiving; REPLICATION SLAVE ADMIN.
STOP SLAVE SQL_THREAD;
