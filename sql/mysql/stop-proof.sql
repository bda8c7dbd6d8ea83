-- Stops the proof; needs REPLICATION_SLAVE_ADMIN.
STOP REPLICA FOR CHANNEL 'keyward_proof';
