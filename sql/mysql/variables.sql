-- Reads the settings that set-up depends on, and whether a restart would lose them; needs no privilege.
SELECT v.VARIABLE_NAME AS name, REPLACE(v.VARIABLE_VALUE, '\n', '') AS value, i.VARIABLE_SOURCE AS origin,
    p.VARIABLE_VALUE AS persisted, @@GLOBAL.persisted_globals_load AS persisted_counts
FROM performance_schema.global_variables v
JOIN performance_schema.variables_info i ON i.VARIABLE_NAME = v.VARIABLE_NAME
LEFT JOIN performance_schema.persisted_variables p ON p.VARIABLE_NAME = v.VARIABLE_NAME
WHERE v.VARIABLE_NAME IN ('log_bin', 'binlog_format', 'binlog_row_image', 'server_id', 'server_uuid', 'gtid_executed', 'gtid_mode',
    'enforce_gtid_consistency', 'max_allowed_packet', 'log_bin_trust_function_creators', 'lower_case_table_names', 'read_only',
    'super_read_only', 'skip_replica_start', 'replica_net_timeout', 'performance_schema', 'persisted_globals_load');
