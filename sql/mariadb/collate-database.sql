-- Changes a schema's default collation; needs ALTER.
ALTER DATABASE {name} CHARACTER SET {charset} COLLATE {collation};
