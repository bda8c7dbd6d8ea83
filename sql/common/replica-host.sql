-- Tells on which host the server keeps its data, and where; needs no privilege.
SELECT @@hostname AS host, @@datadir AS folder, @@pid_file AS process;
