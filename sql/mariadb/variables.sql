-- Reads the settings that set-up depends on, and whether a restart would lose them; needs no privilege.
SELECT VARIABLE_NAME AS name, GLOBAL_VALUE AS value, GLOBAL_VALUE_ORIGIN AS origin
FROM information_schema.SYSTEM_VARIABLES
WHERE VARIABLE_NAME IN ('log_bin', 'binlog_format', 'server_id', 'server_uid', 'gtid_binlog_pos', 'gtid_slave_pos', 'gtid_strict_mode', 'gtid_binlog_state',
    'max_allowed_packet', 'wsrep_on', 'log_bin_trust_function_creators', 'lower_case_table_names', 'read_only',
    'replicate_wild_do_table', 'slave_net_timeout', 'replicate_do_db', 'replicate_do_table', 'replicate_ignore_db',
    'replicate_ignore_table', 'replicate_wild_ignore_table', 'replicate_rewrite_db');
