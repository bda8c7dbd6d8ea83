-- Changes a schema's comment; needs ALTER.
ALTER DATABASE {name} COMMENT {comment};
