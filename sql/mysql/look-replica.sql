-- Reads the settings of a replica's server that keyward watches; no privilege.
SELECT @@GLOBAL.read_only AS read_only, @@GLOBAL.super_read_only AS super_read_only,
    @@GLOBAL.skip_replica_start AS skip_replica_start, @@GLOBAL.performance_schema AS performance_schema,
    @@GLOBAL.replica_net_timeout AS net_timeout, REPLACE(@@GLOBAL.gtid_executed, '\n', '') AS gtid_executed;
