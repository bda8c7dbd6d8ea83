-- Makes a session read literals as keyward writes them, and stay while a long copy runs beside; needs no privilege.
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', wait_timeout = 28800;
