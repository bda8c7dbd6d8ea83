-- Reads the replication filters of the unnamed channel and those for new channels, and who set them; SELECT on these tables.
SELECT FILTER_NAME AS filter_name, FILTER_RULE AS filter_rule, CONFIGURED_BY AS configured_by, 'channel' AS filter_of
FROM performance_schema.replication_applier_filters WHERE CHANNEL_NAME = ''
UNION ALL
SELECT FILTER_NAME, FILTER_RULE, CONFIGURED_BY, 'server' FROM performance_schema.replication_applier_global_filters;
