-- Makes the table that beats are written to, written_at in microseconds since 1970 UTC; needs CREATE.
CREATE TABLE IF NOT EXISTS keyward.beat (
    instance VARCHAR(64) CHARACTER SET ascii NOT NULL PRIMARY KEY,
    number BIGINT UNSIGNED NOT NULL,
    written_at BIGINT NOT NULL
) ENGINE = InnoDB;
