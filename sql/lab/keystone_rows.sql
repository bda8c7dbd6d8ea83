-- Fills a keystone-like database with {users} users and {projects} projects; the lab's root.
INSERT INTO region (id, description, parent_region_id, extra)
VALUES ('RegionOne', 'holds the master', NULL, '{}'), ('RegionTwo', '', NULL, '{}');

INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
VALUES ('<<keystone.domain.root>>', '<<keystone.domain.root>>', '{}', '', 0, '<<keystone.domain.root>>', NULL, 1);

INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
VALUES ('default', 'Default', '{}', 'The default domain', 1, '<<keystone.domain.root>>', NULL, 1);

INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
SELECT LEFT(SHA2(CONCAT('project', seq), 256), 32), CONCAT('project-', seq), '{}',
  CONCAT('Für Projekt ', seq), 1, 'default', 'default', 0
FROM {all_projects} AS numbers;

INSERT INTO user (id, extra, enabled, default_project_id, created_at, last_active_at, domain_id)
SELECT LEFT(SHA2(CONCAT('user', seq), 256), 32), CONCAT('{"email": "user-', seq, '@example.net"}'), seq % 50 <> 0,
  IF(seq % 3 = 0, NULL, LEFT(SHA2(CONCAT('project', 1 + seq % {projects}), 256), 32)),
  '2026-01-01' + INTERVAL seq MINUTE, NULL, 'default'
FROM {all_users} AS numbers;

INSERT INTO local_user (domain_id, user_id, name, failed_auth_count, failed_auth_at)
SELECT 'default', LEFT(SHA2(CONCAT('user', seq), 256), 32), CONCAT('user-', seq), IF(seq % 7 = 0, 1, 0),
  IF(seq % 7 = 0, '2026-02-01' + INTERVAL seq SECOND, NULL)
FROM {all_users} AS numbers ORDER BY seq;

INSERT INTO password
  (local_user_id, expires_at, self_service, password_hash, created_at_int, expires_at_int, created_at)
SELECT id, NULL, 0, CONCAT('$2b$12$', LEFT(TO_BASE64(UNHEX(SHA2(name, 512))), 53)),
  1767225600000000 + id, NULL, '2026-01-01' + INTERVAL id SECOND
FROM local_user ORDER BY id;

INSERT INTO role (id, name, extra, domain_id, description)
SELECT LEFT(SHA2(CONCAT('role', seq), 256), 32), ELT(seq, 'admin', 'manager', 'member', 'reader', 'service'), '{}',
  '<<null>>', NULL
FROM {five} AS numbers;

INSERT INTO assignment (type, actor_id, target_id, role_id, inherited)
SELECT 'UserProject', LEFT(SHA2(CONCAT('user', users.seq), 256), 32),
  LEFT(SHA2(CONCAT('project', 1 + (users.seq * turn.seq) % {projects}), 256), 32),
  LEFT(SHA2(CONCAT('role', 2 + turn.seq), 256), 32), 0
FROM {all_users} AS users CROSS JOIN {two} AS turn;

INSERT INTO assignment (type, actor_id, target_id, role_id, inherited)
VALUES ('UserDomain', LEFT(SHA2('user1', 256), 32), 'default', LEFT(SHA2('role1', 256), 32), 0);

INSERT INTO service (id, type, enabled, extra)
SELECT LEFT(SHA2(CONCAT('service', seq), 256), 32), ELT(seq, 'identity', 'image', 'compute', 'network', 'volumev3'), 1,
  CONCAT('{"name": "', ELT(seq, 'keystone', 'glance', 'nova', 'neutron', 'cinder'), '"}')
FROM {five} AS numbers;

INSERT INTO endpoint (id, legacy_endpoint_id, interface, service_id, url, extra, enabled, region_id)
SELECT LEFT(SHA2(CONCAT('endpoint', service.seq, region.seq, face.seq), 256), 32), NULL,
  ELT(face.seq, 'public', 'internal', 'admin'), LEFT(SHA2(CONCAT('service', service.seq), 256), 32),
  CONCAT('https://', ELT(region.seq, 'one', 'two'), '.example.net:', 5000 + service.seq), '{}', 1,
  ELT(region.seq, 'RegionOne', 'RegionTwo')
FROM {five} AS service CROSS JOIN {two} AS region CROSS JOIN {three} AS face;
