-- Counts tokens in the database, at most 100000 of them, and those that are still valid; needs SELECT on Keystone's schema.
SELECT COUNT(*) AS tokens, COALESCE(SUM(t.expires > UTC_TIMESTAMP()), 0) AS valid
FROM (SELECT expires FROM {schema}.token ORDER BY expires DESC LIMIT 100000) t;
