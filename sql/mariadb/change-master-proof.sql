-- Makes the connection that only proves that the replica can log in at the master; needs REPLICATION SLAVE ADMIN.
CHANGE MASTER 'keyward_proof' TO MASTER_HOST = {host}, MASTER_PORT = {port}, MASTER_USER = {user},
    MASTER_PASSWORD = {password}, MASTER_SSL = {ssl}, MASTER_SSL_CA = {ca}, MASTER_SSL_CERT = {cert},
    MASTER_SSL_KEY = {key}, MASTER_SSL_VERIFY_SERVER_CERT = {verify}, MASTER_CONNECT_RETRY = 1,
    MASTER_LOG_FILE = {file}, MASTER_LOG_POS = {position}, MASTER_USE_GTID = no;
