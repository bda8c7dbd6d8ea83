-- Stops both replication threads; needs REPLICATION_SLAVE_ADMIN.
STOP REPLICA FOR CHANNEL '';
