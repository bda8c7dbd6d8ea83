-- Lists what a schema holds besides tables, in the order in which it can be made; needs a right on each.
SELECT CASE ROUTINE_TYPE WHEN 'FUNCTION' THEN 1 WHEN 'PROCEDURE' THEN 2 WHEN 'PACKAGE' THEN 3 ELSE 4 END AS place,
    ROUTINE_TYPE AS kind, ROUTINE_NAME AS name
FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = {schema}
UNION ALL SELECT 5, 'VIEW', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = {schema}
UNION ALL SELECT 7, 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {schema}
ORDER BY place, name;
