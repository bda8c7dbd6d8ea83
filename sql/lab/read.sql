-- Asks what Keystone asks when somebody signs in; the account of the region's own Keystone.
SELECT user.id, user.enabled, password.password_hash, assignment.target_id, assignment.role_id
FROM keystone.local_user
JOIN keystone.user ON user.id = local_user.user_id
JOIN keystone.password ON password.local_user_id = local_user.id
JOIN keystone.assignment ON assignment.actor_id = user.id
WHERE local_user.domain_id = 'default' AND local_user.name = {name};
