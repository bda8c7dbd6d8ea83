-- Points the replica at its master by GTID; needs REPLICATION SLAVE ADMIN.
CHANGE MASTER TO MASTER_HOST = {host}, MASTER_PORT = {port}, MASTER_USER = {user}, MASTER_PASSWORD = {password},
    MASTER_SSL = {ssl}, MASTER_SSL_CA = {ca}, MASTER_SSL_CERT = {cert}, MASTER_SSL_KEY = {key},
    MASTER_SSL_VERIFY_SERVER_CERT = {verify}, MASTER_CONNECT_RETRY = 1, MASTER_HEARTBEAT_PERIOD = {heartbeat},
    MASTER_USE_GTID = slave_pos;
