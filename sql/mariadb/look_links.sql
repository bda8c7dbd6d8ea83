-- Reads every replication connection of the server; SLAVE MONITOR.
SHOW ALL SLAVES STATUS;
