-- Stops receiving, goes on applying; needs REPLICATION_SLAVE_ADMIN.
STOP REPLICA IO_THREAD FOR CHANNEL '';
