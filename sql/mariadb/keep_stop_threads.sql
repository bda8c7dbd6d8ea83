-- Stops both replication threads; REPLICATION SLAVE ADMIN.
STOP SLAVE;
