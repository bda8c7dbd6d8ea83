-- Makes a schema, marked as unfinished; needs CREATE.
CREATE DATABASE {name} CHARACTER SET {charset} COLLATE {collation} COMMENT {comment};
