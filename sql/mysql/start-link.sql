-- Starts both replication threads; needs REPLICATION_SLAVE_ADMIN.
START REPLICA FOR CHANNEL '';
