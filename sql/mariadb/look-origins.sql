-- Reads where settings come from, and whether Galera runs; no privilege.
SELECT VARIABLE_NAME AS origin_of, GLOBAL_VALUE AS value, GLOBAL_VALUE_ORIGIN AS origin
FROM information_schema.SYSTEM_VARIABLES
WHERE VARIABLE_NAME IN ('READ_ONLY', 'REPLICATE_WILD_DO_TABLE', 'WSREP_ON');
