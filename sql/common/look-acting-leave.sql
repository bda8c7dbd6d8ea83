-- Gives the lock back that lets one keyward act here, and tells who holds it; no privilege.
SELECT IF(IS_USED_LOCK('keyward.acting') <=> CONNECTION_ID(), RELEASE_LOCK('keyward.acting'), 0) AS acting_released,
    IS_USED_LOCK('keyward.acting') AS acting_holder, CONNECTION_ID() AS connection_id;
