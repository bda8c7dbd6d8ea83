-- Names who keeps a read lock waiting: the statements that run longest; needs PROCESS to see those of others.
SELECT ID AS blocker, USER AS user, HOST AS host, TIME AS seconds, LEFT(INFO, 200) AS statement
FROM information_schema.PROCESSLIST
WHERE ID <> CONNECTION_ID() AND ID <> {id} AND COMMAND IN ('Query', 'Execute') AND INFO IS NOT NULL
    AND STATE NOT LIKE 'Waiting for%'
ORDER BY TIME DESC LIMIT 1;
