-- Stops the proof; needs REPLICATION SLAVE ADMIN.
STOP SLAVE 'keyward_proof';
