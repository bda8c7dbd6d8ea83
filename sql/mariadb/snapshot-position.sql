-- Turns a place in the binlog into a GTID position; needs no privilege.
SELECT BINLOG_GTID_POS({file}, {position}) AS position;
