-- Points a stopped link at another server of the same stream; account and TLS stay, the heartbeat would not; REPLICATION_SLAVE_ADMIN.
CHANGE REPLICATION SOURCE TO SOURCE_HOST = {host}, SOURCE_PORT = {port}, SOURCE_HEARTBEAT_PERIOD = {heartbeat},
    SOURCE_AUTO_POSITION = 1 FOR CHANNEL '';
