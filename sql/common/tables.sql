-- Lists the tables and views of a schema; needs any right on them.
SELECT TABLE_NAME AS name, TABLE_TYPE AS type, CREATE_TIME AS created, DATA_LENGTH AS bytes,
    INDEX_LENGTH AS index_bytes, TABLE_ROWS AS rows_about
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = {schema}
ORDER BY TABLE_NAME;
