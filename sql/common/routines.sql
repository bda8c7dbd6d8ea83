-- Lists the routines of a schema; needs SELECT on mysql.proc to see those of others, on MySQL SHOW_ROUTINE.
SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS type, IS_DETERMINISTIC AS is_deterministic, SQL_DATA_ACCESS AS data_access
FROM information_schema.ROUTINES
WHERE ROUTINE_SCHEMA = {schema}
ORDER BY ROUTINE_TYPE, ROUTINE_NAME;
