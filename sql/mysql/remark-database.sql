-- Changes the mark of an unfinished set-up on a schema; needs ALTER.
ALTER TABLE {name}.keyward_unfinished COMMENT = {comment};
