-- Finds which of the replicated databases holds Keystone's tables; needs SELECT on them.
SELECT TABLE_SCHEMA AS name FROM information_schema.TABLES
WHERE TABLE_NAME = 'local_user' AND TABLE_SCHEMA IN ({schemas}) ORDER BY TABLE_SCHEMA;
