-- Reads settings that only the doctor looks at; needs no privilege.
SELECT VARIABLE_NAME AS name, GLOBAL_VALUE AS value, GLOBAL_VALUE_ORIGIN AS origin
FROM information_schema.SYSTEM_VARIABLES
WHERE VARIABLE_NAME IN ('gtid_strict_mode', 'binlog_expire_logs_seconds', 'max_binlog_total_size', 'binlog_row_image',
    'default_password_lifetime');
