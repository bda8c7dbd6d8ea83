-- Lists the columns of a table that hold data of their own; needs any right on it.
SELECT COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_TYPE AS full_type
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {table} AND GENERATION_EXPRESSION = ''
ORDER BY ORDINAL_POSITION;
