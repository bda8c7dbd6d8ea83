-- Reads the server's settings that are changed while rows are loaded; needs no privilege.
SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS innodb_flush_log_at_trx_commit, @@GLOBAL.sync_binlog AS sync_binlog,
    @@GLOBAL.local_infile AS local_infile;
