-- Finds the journals of what keyward moved aside; needs any right on the dated schemas.
SELECT TABLE_SCHEMA AS dated, TABLE_COMMENT AS journal FROM information_schema.TABLES
WHERE TABLE_NAME = {journal} ORDER BY TABLE_SCHEMA;
