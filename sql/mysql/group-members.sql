-- Counts the members of the replication group that this server is in; needs SELECT on the table.
SELECT COUNT(*) AS members FROM performance_schema.replication_group_members WHERE MEMBER_STATE NOT IN ('', 'OFFLINE');
