-- Lists enabled users whose last login failed, service users first; needs SELECT on Keystone's schema.
SELECT l.name AS name, l.failed_auth_count AS failed,
    l.name IN ({names}) OR EXISTS (
        SELECT 1 FROM {schema}.assignment a JOIN {schema}.project p ON p.id = a.target_id
        WHERE a.type = 'UserProject' AND a.actor_id = l.user_id AND p.name IN ('service', 'services')) AS service
FROM {schema}.local_user l JOIN {schema}.`user` u ON u.id = l.user_id
WHERE l.failed_auth_count > 0 AND COALESCE(u.enabled, 1) = 1
ORDER BY service DESC, l.name LIMIT 10000;
