-- Lists the columns of a table in partitions that are copied with it, when each row counted among them; needs any right on it.
SELECT COLUMN_NAME AS name, IS_GENERATED = 'ALWAYS' AS tells_when
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {table}
    AND (IS_GENERATED = 'NEVER' OR GENERATION_EXPRESSION IN ('ROW START', 'ROW END'))
ORDER BY ORDINAL_POSITION;
