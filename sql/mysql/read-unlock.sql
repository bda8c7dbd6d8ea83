-- Lets writes go on; needs no privilege.
UNLOCK TABLES;
