-- Changes a schema's default collation; needs ALTER.
ALTER DATABASE {name} COLLATE {collation};
