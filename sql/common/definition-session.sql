-- Gives a session the settings that a definition was made under; needs no privilege.
SET SESSION character_set_client = {client}, character_set_results = {client}, collation_connection = {connection}, sql_mode = {mode}, time_zone = {zone};
