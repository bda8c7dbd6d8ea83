-- Puts the comment of a schema in place of the mark of an unfinished set-up; needs ALTER.
ALTER DATABASE {name} COMMENT {comment};
