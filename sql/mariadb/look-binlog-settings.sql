-- Reads how long binary logs are kept; no privilege.
SELECT VARIABLE_NAME AS binlog_setting, GLOBAL_VALUE AS value FROM information_schema.SYSTEM_VARIABLES
WHERE VARIABLE_NAME IN ('BINLOG_EXPIRE_LOGS_SECONDS', 'MAX_BINLOG_TOTAL_SIZE');
