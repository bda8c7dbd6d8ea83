-- Lists a schema's tables of every kind but views, and what tells how each is moved; needs any right on them.
SELECT TABLE_NAME AS name, TABLE_TYPE = 'BASE TABLE' AND ENGINE IS NULL AS is_broken, TABLE_COMMENT AS note,
    COALESCE(CREATE_OPTIONS LIKE '%partitioned%', 0) AS in_parts, TABLE_TYPE = 'SYSTEM VERSIONED' AS has_history,
    AUTO_INCREMENT AS next_number
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = {schema} AND TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW') ORDER BY TABLE_NAME;
