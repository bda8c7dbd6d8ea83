-- Finds tables that a snapshot cannot hold still; needs any right on them.
SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = {schema} AND TABLE_TYPE <> 'VIEW' AND (TABLE_TYPE <> 'BASE TABLE' OR ENGINE <> 'InnoDB' OR ENGINE IS NULL)
ORDER BY TABLE_NAME;
