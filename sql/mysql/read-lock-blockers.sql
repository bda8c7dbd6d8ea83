-- Names who writes to a table that is to be locked, the longest first; needs SELECT on performance_schema.
SELECT threads.PROCESSLIST_ID AS blocker, threads.PROCESSLIST_USER AS user, threads.PROCESSLIST_HOST AS host,
    threads.PROCESSLIST_TIME AS seconds, locks.OBJECT_SCHEMA AS locked_schema, locks.OBJECT_NAME AS locked_table,
    LEFT(COALESCE(threads.PROCESSLIST_INFO, last.SQL_TEXT), 200) AS statement
FROM performance_schema.metadata_locks AS locks
JOIN performance_schema.threads AS threads ON threads.THREAD_ID = locks.OWNER_THREAD_ID
LEFT JOIN performance_schema.events_statements_current AS last ON last.THREAD_ID = threads.THREAD_ID
WHERE locks.OBJECT_TYPE = 'TABLE' AND locks.OBJECT_SCHEMA IN ({schemas}) AND locks.LOCK_STATUS = 'GRANTED'
    AND locks.LOCK_TYPE NOT IN ('INTENTION_EXCLUSIVE', 'SHARED', 'SHARED_HIGH_PRIO', 'SHARED_READ', 'SHARED_READ_ONLY')
    AND threads.PROCESSLIST_ID NOT IN (CONNECTION_ID(), {id})
ORDER BY threads.PROCESSLIST_TIME DESC LIMIT 1;
