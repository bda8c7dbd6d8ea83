-- Reads the columns of the table that beats are written to; needs any right on it.
SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = 'keyward' AND TABLE_NAME = 'beat'
ORDER BY ORDINAL_POSITION;
