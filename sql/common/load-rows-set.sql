-- Takes rows as a stream of bytes, and makes some of their columns from it; needs INSERT, and local_infile on this server.
LOAD DATA LOCAL INFILE 'keyward' INTO TABLE {table} CHARACTER SET binary
    FIELDS TERMINATED BY '\t' ENCLOSED BY '' ESCAPED BY '\\' LINES STARTING BY '' TERMINATED BY '\n' ({columns})
    SET {assignments};
