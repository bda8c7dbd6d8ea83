-- Tells until when the certificate that the server shows is valid, empty without TLS; no privilege.
SHOW STATUS LIKE 'Ssl_server_not_after';
