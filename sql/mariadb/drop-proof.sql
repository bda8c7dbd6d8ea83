-- Forgets the proof's connection; needs RELOAD.
RESET SLAVE 'keyward_proof' ALL;
