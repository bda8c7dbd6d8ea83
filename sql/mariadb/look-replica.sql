-- Reads the settings of a replica's server that keyward watches; no privilege.
SELECT @@read_only AS read_only, @@replicate_wild_do_table AS filter, @@slave_net_timeout AS net_timeout,
    @@gtid_slave_pos AS gtid_slave_pos, @@gtid_binlog_state AS gtid_binlog_state;
