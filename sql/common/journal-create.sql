-- Begins a move's journal in its dated schema; needs CREATE on it.
CREATE TABLE {journal} (
    number INT UNSIGNED NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL,
    name VARCHAR(64) NOT NULL,
    definition LONGBLOB NOT NULL,
    moved LONGBLOB NOT NULL,
    client VARCHAR(64) NOT NULL,
    moved_client VARCHAR(64) NOT NULL,
    connection VARCHAR(64) NOT NULL,
    collation VARCHAR(64) NOT NULL,
    mode TEXT NOT NULL,
    zone VARCHAR(64) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT = {comment};
