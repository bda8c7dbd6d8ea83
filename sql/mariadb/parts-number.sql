-- Lets a copied table go on counting where the other is; needs ALTER on it.
ALTER TABLE {into} AUTO_INCREMENT = {number};
