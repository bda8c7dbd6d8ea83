-- Stops both replication threads; needs REPLICATION SLAVE ADMIN.
STOP SLAVE;
