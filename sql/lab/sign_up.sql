-- Adds a user with a login, a password and an assignment; the account of the region's own Keystone.
SET @id = LEFT(SHA2({name}, 256), 32);
BEGIN;
INSERT INTO keystone.user (id, extra, enabled, default_project_id, created_at, last_active_at, domain_id)
VALUES (@id, '{}', 1, NULL, UTC_TIMESTAMP(), NULL, 'default');
INSERT INTO keystone.local_user (domain_id, user_id, name, failed_auth_count)
VALUES ('default', @id, {name}, 0);
INSERT INTO keystone.password (local_user_id, self_service, password_hash, created_at_int, created_at)
VALUES (LAST_INSERT_ID(), 0, 'not a real hash', 0, UTC_TIMESTAMP());
INSERT INTO keystone.assignment (type, actor_id, target_id, role_id, inherited)
VALUES ('UserProject', @id, LEFT(SHA2('project1', 256), 32), LEFT(SHA2('role4', 256), 32), 0);
COMMIT;
