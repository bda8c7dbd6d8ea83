-- Takes rows from keyward as a stream of bytes; needs INSERT, and local_infile on this server.
LOAD DATA LOCAL INFILE 'keyward' INTO TABLE {table} CHARACTER SET binary
    FIELDS TERMINATED BY '\t' ENCLOSED BY '' ESCAPED BY '\\' LINES STARTING BY '' TERMINATED BY '\n' ({columns});
