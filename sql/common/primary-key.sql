-- Lists the columns of a table's primary key in order; needs any right on the table.
SELECT statistics.COLUMN_NAME AS name, statistics.SUB_PART AS part, statistics.COLLATION AS direction,
    columns.DATA_TYPE AS type, columns.COLUMN_TYPE AS full_type,
    columns.CHARACTER_SET_NAME AS charset, columns.COLLATION_NAME AS collation
FROM information_schema.STATISTICS AS statistics
JOIN information_schema.COLUMNS AS columns
    ON columns.TABLE_SCHEMA = {schema} AND columns.TABLE_NAME = {table} AND columns.COLUMN_NAME = statistics.COLUMN_NAME
WHERE statistics.TABLE_SCHEMA = {schema} AND statistics.TABLE_NAME = {table} AND statistics.INDEX_NAME = 'PRIMARY'
ORDER BY statistics.SEQ_IN_INDEX;
