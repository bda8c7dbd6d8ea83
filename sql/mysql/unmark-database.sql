-- Takes the mark of an unfinished set-up off a schema; needs DROP.
DROP TABLE IF EXISTS {name}.keyward_unfinished;
