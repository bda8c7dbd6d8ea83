-- Points a stopped link at another server of the same stream; account, TLS and heartbeat stay; needs REPLICATION SLAVE ADMIN.
CHANGE MASTER TO MASTER_HOST = {host}, MASTER_PORT = {port}, MASTER_USE_GTID = slave_pos;
