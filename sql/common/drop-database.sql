-- Drops a schema that keyward made; needs DROP.
DROP DATABASE IF EXISTS {name};
