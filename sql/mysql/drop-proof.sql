-- Forgets the proof's connection; needs RELOAD.
RESET REPLICA ALL FOR CHANNEL 'keyward_proof';
