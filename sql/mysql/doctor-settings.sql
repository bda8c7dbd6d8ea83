-- Reads settings that only the doctor looks at; needs no privilege.
SELECT v.VARIABLE_NAME AS name, v.VARIABLE_VALUE AS value, i.VARIABLE_SOURCE AS origin,
    p.VARIABLE_VALUE AS persisted, @@GLOBAL.persisted_globals_load AS persisted_counts
FROM performance_schema.global_variables v
JOIN performance_schema.variables_info i ON i.VARIABLE_NAME = v.VARIABLE_NAME
LEFT JOIN performance_schema.persisted_variables p ON p.VARIABLE_NAME = v.VARIABLE_NAME
WHERE v.VARIABLE_NAME IN ('binlog_format', 'binlog_expire_logs_seconds', 'default_password_lifetime');
