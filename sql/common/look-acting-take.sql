-- Takes or keeps the lock that lets one keyward act here, and tells who holds it; no privilege.
SELECT IF(IS_USED_LOCK('keyward.acting') <=> CONNECTION_ID(), 1, GET_LOCK('keyward.acting', 0)) AS acting_taken,
    IS_USED_LOCK('keyward.acting') AS acting_holder, CONNECTION_ID() AS connection_id;
