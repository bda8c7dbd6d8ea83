-- Makes the tables of a keystone-like database, in the database in use; the lab's root.
CREATE TABLE region (
  id varchar(255) NOT NULL PRIMARY KEY,
  description varchar(255) NOT NULL,
  parent_region_id varchar(255) DEFAULT NULL,
  extra text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE project (
  id varchar(64) NOT NULL PRIMARY KEY,
  name varchar(64) NOT NULL,
  extra text DEFAULT NULL,
  description text DEFAULT NULL,
  enabled tinyint(1) DEFAULT NULL,
  domain_id varchar(64) NOT NULL,
  parent_id varchar(64) DEFAULT NULL,
  is_domain tinyint(1) NOT NULL DEFAULT 0,
  UNIQUE KEY one_name_in_a_domain (domain_id, name),
  KEY parent (parent_id),
  CONSTRAINT project_in_domain FOREIGN KEY (domain_id) REFERENCES project (id),
  CONSTRAINT project_in_parent FOREIGN KEY (parent_id) REFERENCES project (id),
  CONSTRAINT is_domain_or_not CHECK (is_domain IN (0, 1))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE user (
  id varchar(64) NOT NULL PRIMARY KEY,
  extra text DEFAULT NULL,
  enabled tinyint(1) DEFAULT NULL,
  default_project_id varchar(64) DEFAULT NULL,
  created_at datetime DEFAULT NULL,
  last_active_at date DEFAULT NULL,
  domain_id varchar(64) NOT NULL,
  UNIQUE KEY user_and_domain (id, domain_id),
  KEY default_project (default_project_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE local_user (
  id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
  domain_id varchar(64) NOT NULL,
  user_id varchar(64) NOT NULL,
  name varchar(255) NOT NULL,
  failed_auth_count int(11) DEFAULT NULL,
  failed_auth_at datetime DEFAULT NULL,
  UNIQUE KEY one_login_a_user (user_id),
  UNIQUE KEY one_login_in_a_domain (domain_id, name),
  KEY login_of_user (user_id, domain_id),
  CONSTRAINT login_of_user FOREIGN KEY (user_id, domain_id) REFERENCES user (id, domain_id)
    ON DELETE CASCADE ON UPDATE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE password (
  id int(11) NOT NULL AUTO_INCREMENT PRIMARY KEY,
  local_user_id int(11) NOT NULL,
  expires_at datetime DEFAULT NULL,
  self_service tinyint(1) NOT NULL DEFAULT 0,
  password_hash varchar(255) DEFAULT NULL,
  created_at_int bigint(20) NOT NULL DEFAULT 0,
  expires_at_int bigint(20) DEFAULT NULL,
  created_at datetime NOT NULL,
  KEY password_of_login (local_user_id),
  CONSTRAINT password_of_login FOREIGN KEY (local_user_id) REFERENCES local_user (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE role (
  id varchar(64) NOT NULL PRIMARY KEY,
  name varchar(255) NOT NULL,
  extra text DEFAULT NULL,
  domain_id varchar(64) NOT NULL DEFAULT '<<null>>',
  description varchar(255) DEFAULT NULL,
  UNIQUE KEY one_role_in_a_domain (name, domain_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE assignment (
  type enum('UserProject', 'GroupProject', 'UserDomain', 'GroupDomain') NOT NULL,
  actor_id varchar(64) NOT NULL,
  target_id varchar(64) NOT NULL,
  role_id varchar(64) NOT NULL,
  inherited tinyint(1) NOT NULL,
  PRIMARY KEY (type, actor_id, target_id, role_id, inherited),
  KEY actor (actor_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE service (
  id varchar(64) NOT NULL PRIMARY KEY,
  type varchar(255) DEFAULT NULL,
  enabled tinyint(1) NOT NULL DEFAULT 1,
  extra text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;

CREATE TABLE endpoint (
  id varchar(64) NOT NULL PRIMARY KEY,
  legacy_endpoint_id varchar(64) DEFAULT NULL,
  interface varchar(8) NOT NULL,
  service_id varchar(64) NOT NULL,
  url text NOT NULL,
  extra text DEFAULT NULL,
  enabled tinyint(1) NOT NULL DEFAULT 1,
  region_id varchar(255) DEFAULT NULL,
  KEY endpoint_of_service (service_id),
  KEY endpoint_in_region (region_id),
  CONSTRAINT endpoint_of_service FOREIGN KEY (service_id) REFERENCES service (id),
  CONSTRAINT endpoint_in_region FOREIGN KEY (region_id) REFERENCES region (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
