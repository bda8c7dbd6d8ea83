-- Lists the users that services log in with, and the day of their last login; needs SELECT on Keystone's schema.
SELECT l.name AS name, DATE_FORMAT(MAX(u.last_active_at), '%Y-%m-%d') AS last_login
FROM {schema}.local_user l JOIN {schema}.`user` u ON u.id = l.user_id
WHERE COALESCE(u.enabled, 1) = 1 AND (l.name IN ({names}) OR l.user_id IN (
    SELECT a.actor_id FROM {schema}.assignment a JOIN {schema}.project p ON p.id = a.target_id
    WHERE a.type = 'UserProject' AND p.name IN ('service', 'services')))
GROUP BY l.name ORDER BY l.name LIMIT 10000;
