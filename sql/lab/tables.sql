-- Lists the base tables of a schema; the lab's root.
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = {schema} AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME;
