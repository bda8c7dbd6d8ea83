-- Marks a schema that was made a moment ago as unfinished; needs CREATE.
CREATE TABLE {name}.keyward_unfinished (nothing INT) COMMENT = {comment};
