-- Reads where settings come from and what a restart would bring; no privilege.
SELECT i.VARIABLE_NAME AS origin_of, i.VARIABLE_SOURCE AS origin, p.VARIABLE_VALUE AS persisted,
    @@GLOBAL.persisted_globals_load AS persisted_counts
FROM performance_schema.variables_info i
LEFT JOIN performance_schema.persisted_variables p ON p.VARIABLE_NAME = i.VARIABLE_NAME
WHERE i.VARIABLE_NAME IN ('super_read_only', 'skip_replica_start');
