-- Lists the schemas that are not the server's own; needs SHOW DATABASES to see all.
SELECT SCHEMA_NAME AS name, SCHEMA_COMMENT AS comment, DEFAULT_CHARACTER_SET_NAME AS charset,
    DEFAULT_COLLATION_NAME AS collation
FROM information_schema.SCHEMATA
WHERE SCHEMA_NAME NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
    AND SCHEMA_NAME NOT LIKE '#mysql50#%'
ORDER BY SCHEMA_NAME;
