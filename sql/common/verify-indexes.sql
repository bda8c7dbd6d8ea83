-- Lists the columns of all indexes of a schema, unique ones first; needs any right on them.
SELECT TABLE_NAME AS table_name, INDEX_NAME AS index_name, NON_UNIQUE AS repeats, COLUMN_NAME AS name,
    SUB_PART AS prefix, INDEX_TYPE AS type
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {schema}
ORDER BY TABLE_NAME, NON_UNIQUE, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX;
