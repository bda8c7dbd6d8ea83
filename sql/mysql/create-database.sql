-- Makes a schema; its mark follows at once; needs CREATE.
CREATE DATABASE {name} CHARACTER SET {charset} COLLATE {collation};
