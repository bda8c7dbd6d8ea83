-- Points a stopped link at another server of the same stream; account, TLS and heartbeat stay; needs REPLICATION_SLAVE_ADMIN.
CHANGE REPLICATION SOURCE TO SOURCE_HOST = {host}, SOURCE_PORT = {port}, SOURCE_AUTO_POSITION = 1 FOR CHANNEL '';
