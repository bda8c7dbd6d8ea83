"""Logins at a real Keystone, over HTTP, while a real MariaDB takes writes and while it does not."""
import datetime
import unittest

import stage

STAGE = None
STOCK = None
TOLERANT = None
# whether this release writes the day of the last login without being told to
WRITES_ACTIVITY = False


def setUpModule():
    global STAGE, STOCK, TOLERANT, WRITES_ACTIVITY
    STAGE = stage.shared()
    STOCK = stage.Keystone(STAGE, "stock", "sql")
    unittest.addModuleCleanup(STOCK.close)
    TOLERANT = stage.Keystone(STAGE, "tolerant", "keyward")
    unittest.addModuleCleanup(TOLERANT.close)
    STOCK.login("admin", stage.RIGHT)
    WRITES_ACTIVITY = STAGE.user("admin")[2] is not None


class Logins(unittest.TestCase):
    """Each test has users of its own, who have not logged in yet."""

    def setUp(self):
        STAGE.database.let_write()
        self.addCleanup(STAGE.database.let_write)
        _, self.admin = STOCK.login("admin", stage.RIGHT)

    def new_user(self, name):
        user = {"name": f"{self.id()}.{name}", "password": stage.RIGHT, "domain_id": "default"}
        status, _, answer = STOCK.call("POST", "/v3/users", {"user": user}, self.admin)
        self.assertEqual(status, 201)
        self.addCleanup(STOCK.call, "DELETE", f"/v3/users/{answer['user']['id']}", None, self.admin)
        self.addCleanup(STAGE.database.let_write)
        return user["name"]

    def check_read_only(self, close):
        fresh, failed, locked, released = (self.new_user(name) for name in ("fresh", "failed", "locked", "released"))
        STAGE.fail_before(failed, 2, 5)
        STAGE.fail_before(locked, 3, 5)
        STAGE.fail_before(released, 3, 5000)
        close()
        before = [STAGE.user(name) for name in (fresh, failed, locked, released)]

        # without the drivers: what makes them necessary, in this very database
        self.assertEqual(STOCK.login(fresh, stage.WRONG)[0], 500)
        self.assertEqual(STOCK.login(failed, stage.RIGHT)[0], 500)
        self.assertEqual(STOCK.login(fresh, stage.RIGHT)[0], 500 if WRITES_ACTIVITY else 201)

        status, token = TOLERANT.login(fresh, stage.RIGHT)
        self.assertEqual(status, 201)
        self.assertEqual(TOLERANT.call("GET", "/v3/auth/projects", None, token)[0], 200)
        self.assertEqual(TOLERANT.login(fresh, stage.WRONG)[0], 401)
        self.assertEqual(TOLERANT.login(fresh, stage.RIGHT)[0], 201)
        self.assertEqual(TOLERANT.login(failed, stage.RIGHT)[0], 201)
        self.assertEqual(TOLERANT.login(failed, stage.WRONG)[0], 401)
        self.assertEqual(TOLERANT.login("nobody", stage.WRONG)[0], 401)
        self.assertEqual(TOLERANT.login(locked, stage.RIGHT)[0], 401, "who is locked out stays locked out")
        self.assertEqual(TOLERANT.login(released, stage.RIGHT)[0], 201)
        self.assertEqual([STAGE.user(name) for name in (fresh, failed, locked, released)], before)

        # nothing else is forgiven
        user = {"name": f"{self.id()}.none", "password": stage.RIGHT, "domain_id": "default"}
        self.assertEqual(TOLERANT.call("POST", "/v3/users", {"user": user}, self.admin)[0], 500)
        words = {"user": {"password": stage.WRONG, "original_password": stage.RIGHT}}
        _, _, known = TOLERANT.call("GET", f"/v3/users?name={fresh}", None, self.admin)
        path = f"/v3/users/{known['users'][0]['id']}/password"
        self.assertEqual(TOLERANT.call("POST", path, words, token)[0], 500)
        self.assertEqual(TOLERANT.login(fresh, stage.RIGHT)[0], 201, "the password is the old one")

        STAGE.database.let_write()
        self.assertEqual(TOLERANT.login(fresh, stage.WRONG)[0], 401)
        self.assertEqual(STAGE.user(fresh)[:2], (1, True), "failed logins are counted again")

    def test_read_only_server(self):
        self.check_read_only(STAGE.database.be_read_only)

    def test_account_that_may_only_read(self):
        self.check_read_only(STAGE.database.let_only_read)

    def test_a_database_that_takes_writes_gets_the_same_ones(self):
        told = TOLERANT.skipped()
        rows = []
        for keystone, name in ((STOCK, "stock"), (TOLERANT, "tolerant")):
            user = self.new_user(name)
            steps = [STAGE.user(user)]
            for password, status in ((stage.WRONG, 401), (stage.WRONG, 401), (stage.RIGHT, 201), (stage.WRONG, 401),
                                     (stage.WRONG, 401), (stage.WRONG, 401), (stage.RIGHT, 401)):
                self.assertEqual(keystone.login(user, password)[0], status)
                steps.append(STAGE.user(user))
            STAGE.fail_before(user, 3, 5000)
            self.assertEqual(keystone.login(user, stage.RIGHT)[0], 201, "the time of the lock is over")
            steps.append(STAGE.user(user))
            rows.append(steps)
        self.assertEqual(rows[1], rows[0])
        self.assertEqual([count for count, _, _ in rows[1]], [0, 1, 2, 0, 1, 2, 3, 3, 0])
        today = datetime.datetime.now(datetime.timezone.utc).date()
        days = [str(day) for day in (today, today - datetime.timedelta(days=1))]
        if WRITES_ACTIVITY:
            self.assertIn(rows[1][-1][2], days)
        self.assertEqual(TOLERANT.skipped(), told)

    def test_a_release_told_to_keep_the_day_of_the_last_login(self):
        keystone = stage.Keystone(STAGE, "days", "keyward", days_inactive=90)
        self.addCleanup(keystone.close)
        outside, inside = self.new_user("outside"), self.new_user("inside")
        STAGE.database.be_read_only()
        self.assertEqual(keystone.login(inside, stage.RIGHT)[0], 201)
        self.assertIsNone(STAGE.user(inside)[2])
        line, = keystone.skipped()
        self.assertIn("Skipped 1 writes of login bookkeeping, because the database refuses them", line)
        self.assertIn("(1290: the server is read-only): 1 x set_last_active_at", line)
        # told once a minute
        self.assertEqual(keystone.login(inside, stage.WRONG)[0], 401)
        self.assertEqual(keystone.skipped(), [line])
        STAGE.database.let_write()
        self.assertEqual(keystone.login(outside, stage.RIGHT)[0], 201)
        self.assertIsNotNone(STAGE.user(outside)[2])


if __name__ == "__main__":
    unittest.main()
