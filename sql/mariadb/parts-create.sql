-- Makes a table in partitions once more in another schema; needs SELECT here, CREATE there.
CREATE TABLE {into} LIKE {from};
