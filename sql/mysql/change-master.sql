-- Points the replica at its master by GTID, for as many tries as it takes; needs REPLICATION_SLAVE_ADMIN.
CHANGE REPLICATION SOURCE TO SOURCE_HOST = {host}, SOURCE_PORT = {port}, SOURCE_USER = {user}, SOURCE_PASSWORD = {password},
    SOURCE_SSL = {ssl}, SOURCE_SSL_CA = {ca}, SOURCE_SSL_CERT = {cert}, SOURCE_SSL_KEY = {key},
    SOURCE_SSL_VERIFY_SERVER_CERT = {verify}, GET_SOURCE_PUBLIC_KEY = {public_key}, SOURCE_CONNECT_RETRY = 1,
    SOURCE_RETRY_COUNT = 0, SOURCE_HEARTBEAT_PERIOD = {heartbeat}, SOURCE_AUTO_POSITION = 1 FOR CHANNEL '';
