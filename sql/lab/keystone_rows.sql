-- Fills a keystone-like database with {users} users and {projects} projects; the lab's root.
INSERT INTO region (id, description, parent_region_id, extra)
VALUES ('RegionOne', 'holds the master', NULL, '{}'), ('RegionTwo', '', NULL, '{}');

INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
VALUES ('<<keystone.domain.root>>', '<<keystone.domain.root>>', '{}', '', 0, '<<keystone.domain.root>>', NULL, 1);

INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
VALUES ('default', 'Default', '{}', 'The default domain', 1, '<<keystone.domain.root>>', NULL, 1);

INSERT INTO project (id, name, extra, description, enabled, domain_id, parent_id, is_domain)
SELECT MD5(CONCAT('project', seq)), CONCAT('project-', seq), '{}', CONCAT('Für Projekt ', seq), 1, 'default', 'default', 0
FROM seq_1_to_{projects};

INSERT INTO user (id, extra, enabled, default_project_id, created_at, last_active_at, domain_id)
SELECT MD5(CONCAT('user', seq)), CONCAT('{"email": "user-', seq, '@example.net"}'), seq % 50 <> 0,
  IF(seq % 3 = 0, NULL, MD5(CONCAT('project', 1 + seq % {projects}))),
  '2026-01-01' + INTERVAL seq MINUTE, NULL, 'default'
FROM seq_1_to_{users};

INSERT INTO local_user (domain_id, user_id, name, failed_auth_count, failed_auth_at)
SELECT 'default', MD5(CONCAT('user', seq)), CONCAT('user-', seq), IF(seq % 7 = 0, 1, 0),
  IF(seq % 7 = 0, '2026-02-01' + INTERVAL seq SECOND, NULL)
FROM seq_1_to_{users} ORDER BY seq;

INSERT INTO password
  (local_user_id, expires_at, self_service, password_hash, created_at_int, expires_at_int, created_at)
SELECT id, NULL, 0, CONCAT('$2b$12$', LEFT(TO_BASE64(UNHEX(SHA2(name, 512))), 53)),
  1767225600000000 + id, NULL, '2026-01-01' + INTERVAL id SECOND
FROM local_user ORDER BY id;

INSERT INTO role (id, name, extra, domain_id, description)
SELECT MD5(CONCAT('role', seq)), ELT(seq, 'admin', 'manager', 'member', 'reader', 'service'), '{}', '<<null>>', NULL
FROM seq_1_to_5;

INSERT INTO assignment (type, actor_id, target_id, role_id, inherited)
SELECT 'UserProject', MD5(CONCAT('user', users.seq)), MD5(CONCAT('project', 1 + (users.seq * turn.seq) % {projects})),
  MD5(CONCAT('role', 2 + turn.seq)), 0
FROM seq_1_to_{users} AS users CROSS JOIN seq_1_to_2 AS turn;

INSERT INTO assignment (type, actor_id, target_id, role_id, inherited)
VALUES ('UserDomain', MD5('user1'), 'default', MD5('role1'), 0);

INSERT INTO service (id, type, enabled, extra)
SELECT MD5(CONCAT('service', seq)), ELT(seq, 'identity', 'image', 'compute', 'network', 'volumev3'), 1,
  CONCAT('{"name": "', ELT(seq, 'keystone', 'glance', 'nova', 'neutron', 'cinder'), '"}')
FROM seq_1_to_5;

INSERT INTO endpoint (id, legacy_endpoint_id, interface, service_id, url, extra, enabled, region_id)
SELECT MD5(CONCAT('endpoint', service.seq, region.seq, face.seq)), NULL,
  ELT(face.seq, 'public', 'internal', 'admin'), MD5(CONCAT('service', service.seq)),
  CONCAT('https://', ELT(region.seq, 'one', 'two'), '.example.net:', 5000 + service.seq), '{}', 1,
  ELT(region.seq, 'RegionOne', 'RegionTwo')
FROM seq_1_to_5 AS service CROSS JOIN seq_1_to_2 AS region CROSS JOIN seq_1_to_3 AS face;
