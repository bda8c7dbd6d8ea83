-- Makes a dated schema like the one that is moved; needs CREATE on it.
CREATE DATABASE {name} CHARACTER SET {charset} COLLATE {collation};
