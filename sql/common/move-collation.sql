-- Gives a dated schema the collation that an object in it was made under, and back; needs ALTER on it.
ALTER DATABASE {name} COLLATE {collation};
