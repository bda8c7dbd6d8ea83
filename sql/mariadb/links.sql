-- Describes every replication connection; needs SLAVE MONITOR.
SHOW ALL SLAVES STATUS;
