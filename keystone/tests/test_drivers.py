"""The drivers alone, in this process, on a real MariaDB: what passes, what is skipped, and what is left behind."""
import contextlib
import datetime
import logging
import unittest

import keystone.conf
from keystone.common import sql
from keystone.common.sql import core
import keystone.federation.backends.sql  # noqa: F401, its tables are named by those of users
from keystone.identity.backends import sql as stock_identity
from keystone.identity.shadow_backends import sql as stock_shadow
import sqlalchemy
import sqlalchemy.exc

from keyward_keystone import drivers
from keyward_keystone import tally
import stage

STAGE = None
USER = "0123456789abcdef0123456789abcdef"
UPDATES = {
    "_record_failed_auth": "failed_auth_count",
    "_reset_failed_auth": "failed_auth_count",
    "set_last_active_at": "last_active_at",
    "update_federated_user_display_name": "display_name",
}


def setUpModule():
    global STAGE
    STAGE = stage.shared()
    # the warnings are expected
    logging.getLogger().addHandler(logging.NullHandler())
    keystone.conf.configure()
    # every release writes the day of the last login when it disables who stays away
    configuration = STAGE.configuration("drivers", "keyward", days_inactive=90)
    keystone.conf.CONF(args=[], project="keystone", default_config_files=[str(configuration)])
    core.initialize()
    STAGE.database.run(
        "INSERT INTO keystone.identity_provider (id, enabled, domain_id) VALUES ('idp', 1, 'default')",
        "INSERT INTO keystone.federation_protocol (id, idp_id, mapping_id) VALUES ('saml2', 'idp', 'map')",
    )


def write(module, name):
    """One of the four writes of the drivers in `module`."""
    if name.startswith("_"):
        return lambda: getattr(module.Identity(), name)(USER)
    shadow = module.ShadowUsers()
    if name == "set_last_active_at":
        return lambda: shadow.set_last_active_at(USER)
    return lambda: shadow.update_federated_user_display_name("idp", "saml2", "unique", "new name")


class Stock:
    """Keystone's own drivers."""

    Identity = stock_identity.Identity
    ShadowUsers = stock_shadow.ShadowUsers


class Drivers(unittest.TestCase):
    def setUp(self):
        database = STAGE.database
        self.addCleanup(database.let_write)
        self.fill()

    def fill(self):
        """A user with a local and a federated name, in the state before the writes."""
        STAGE.database.let_write()
        STAGE.database.run(
            f"DELETE FROM keystone.user WHERE id = '{USER}'",
            "INSERT INTO keystone.user (id, extra, enabled, domain_id, created_at)"
            f" VALUES ('{USER}', '{{}}', 1, 'default', NOW())",
            "INSERT INTO keystone.local_user (user_id, domain_id, name, failed_auth_count, failed_auth_at)"
            f" VALUES ('{USER}', 'default', 'somebody', 2, '2020-01-01')",
            "INSERT INTO keystone.federated_user (user_id, idp_id, protocol_id, unique_id, display_name)"
            f" VALUES ('{USER}', 'idp', 'saml2', 'unique', 'old name')",
        )

    def row(self):
        """Everything that the writes change, to the day."""
        row, = STAGE.database.run(
            "SELECT failed_auth_count, DATE(failed_auth_at), last_active_at, display_name FROM keystone.user u"
            " JOIN keystone.local_user l ON l.user_id = u.id JOIN keystone.federated_user f ON f.user_id = u.id"
            f" WHERE u.id = '{USER}'"
        )
        return row

    def assert_session_is_usable(self):
        """Reading and writing go on in this thread, and no connection is held."""
        self.assertEqual(stock_identity.Identity().get_user(USER)["id"], USER)
        STAGE.database.let_write()
        before = self.row()
        Stock.Identity()._record_failed_auth(USER)
        self.assertEqual(self.row()[0], before[0] + 1)
        with sql.session_for_read() as session:
            pool = session.get_bind().pool
        self.assertEqual(pool.checkedout(), 0)

    def test_everything_is_written_as_by_the_stock_drivers(self):
        for name in UPDATES:
            with self.subTest(name):
                self.fill()
                untouched = self.row()
                self.assertIsNone(write(Stock, name)())
                stock = self.row()
                self.fill()
                self.assertIsNone(write(drivers, name)())
                self.assertEqual(self.row(), stock)
                self.assertNotEqual(stock, untouched)

    def test_refusals_are_skipped(self):
        database = STAGE.database
        for close in (database.be_read_only, database.let_only_read):
            for name in UPDATES:
                with self.subTest(f"{close.__name__}, {name}"):
                    self.fill()
                    before = self.row()
                    close()
                    with self.assertRaises(sqlalchemy.exc.OperationalError):
                        write(Stock, name)()
                    self.assertIsNone(write(drivers, name)())
                    self.assertEqual(self.row(), before)
                    self.assert_session_is_usable()

    def test_account_that_may_not_write_one_column(self):
        STAGE.database.let_only_read()
        STAGE.database.run("GRANT UPDATE (failed_auth_count) ON keystone.local_user TO ks@localhost")
        with self.assertRaisesRegex(sqlalchemy.exc.OperationalError, "1143"):
            write(Stock, "_record_failed_auth")()
        self.assertIsNone(write(drivers, "_record_failed_auth")())
        self.assertEqual(self.row()[:2], (2, datetime.date(2020, 1, 1)))
        self.assert_session_is_usable()

    def test_read_only_transaction(self):
        with self.at("connect", lambda connection, _: connection.cursor().execute("SET SESSION tx_read_only = 1")):
            with self.assertRaisesRegex(sqlalchemy.exc.OperationalError, "1792"):
                write(Stock, "set_last_active_at")()
            self.assertIsNone(write(drivers, "set_last_active_at")())
        self.assertIsNone(self.row()[2])
        self.assert_session_is_usable()

    def test_server_that_becomes_read_only_before_the_commit(self):
        for module in (Stock, drivers):
            self.fill()
            with self.at("commit", lambda _: STAGE.database.be_read_only()), contextlib.ExitStack() as stack:
                if module is Stock:
                    stack.enter_context(self.assertRaisesRegex(Exception, "1290"))
                write(module, "_record_failed_auth")()
            self.assertEqual(self.row()[0], 2)
        self.assert_session_is_usable()

    def test_read_only_storage(self):
        self.answer_writes_with(1836)
        with self.assertRaisesRegex(sqlalchemy.exc.OperationalError, "1836"):
            write(Stock, "_reset_failed_auth")()
        self.assertIsNone(write(drivers, "_reset_failed_auth")())
        self.assertEqual(self.row()[0], 2)

    def test_other_answers(self):
        for number in (1036, 1062, 1213, 1291, 1452, 1644):
            with self.subTest(number):
                self.answer_writes_with(number)
                self.assert_passes("made for a test")

    def answer_writes_with(self, number):
        """The server answers each change of failed logins with an error of this number."""
        self.addCleanup(STAGE.database.run, "DROP TRIGGER IF EXISTS keystone.refuse")
        STAGE.database.run(
            "CREATE OR REPLACE TRIGGER keystone.refuse BEFORE UPDATE ON keystone.local_user FOR EACH ROW"
            f" SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'made for a test'"
        )

    def test_rest_is_told_by_a_write_that_passes(self):
        now = 1000.0
        counted, drivers.SKIPPED = drivers.SKIPPED, tally.Tally(clock=lambda: now)
        self.addCleanup(setattr, drivers, "SKIPPED", counted)
        STAGE.database.be_read_only()
        with self.assertLogs(tally.LOG, "WARNING") as seen:
            for name in UPDATES:
                write(drivers, name)()
        self.assertEqual(len(seen.output), 1)
        STAGE.database.let_write()
        now += tally.PAUSE
        with self.assertLogs(tally.LOG, "WARNING") as seen:
            write(drivers, "set_last_active_at")()
        self.assertIn("Skipped 3 writes of login bookkeeping in the last 60 s", seen.output[0])
        self.assertIsNotNone(self.row()[2])

    def test_account_that_may_not_read_is_another_error(self):
        STAGE.database.let_only_read()
        STAGE.database.run("REVOKE SELECT ON keystone.* FROM ks@localhost", "KILL CONNECTION USER ks@localhost",
                           "GRANT SELECT (id) ON keystone.project TO ks@localhost")
        self.assert_passes("1142")

    def test_lock_held_by_another(self):
        self.addCleanup(
            STAGE.database.run, "SET GLOBAL innodb_lock_wait_timeout = 50", "KILL CONNECTION USER ks@localhost"
        )
        STAGE.database.run("SET GLOBAL innodb_lock_wait_timeout = 1", "KILL CONNECTION USER ks@localhost")
        holder = STAGE.database.connect()
        self.addCleanup(holder.close)
        with holder.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"SELECT * FROM keystone.local_user WHERE user_id = '{USER}' FOR UPDATE")
        self.assert_passes("1205")

    def test_server_that_cannot_be_reached(self):
        self.addCleanup(STAGE.database.run, "ALTER USER ks@localhost ACCOUNT UNLOCK")
        STAGE.database.run("ALTER USER ks@localhost ACCOUNT LOCK", "KILL CONNECTION USER ks@localhost")
        self.assert_passes("4151")

    def test_user_that_is_gone(self):
        STAGE.database.run(f"DELETE FROM keystone.user WHERE id = '{USER}'")
        self.assert_passes("NoneType")

    def assert_passes(self, text):
        """The tolerant driver raises what the stock driver raises."""
        with self.assertRaisesRegex(Exception, text) as stock:
            write(Stock, "_record_failed_auth")()
        with self.assertRaisesRegex(Exception, text) as tolerant:
            write(drivers, "_record_failed_auth")()
        self.assertIs(type(tolerant.exception), type(stock.exception))
        # the lines below the first hold the statement with its time
        said, expected = (str(told.exception).splitlines()[0] for told in (tolerant, stock))
        self.assertEqual(said, expected)

    @contextlib.contextmanager
    def at(self, event, deed):
        """Something happens whenever Keystone's engine does this; with connections made anew, before and after."""
        with sql.session_for_read() as session:
            engine = session.get_bind()
        engine.dispose()
        sqlalchemy.event.listen(engine, event, deed)
        try:
            yield
        finally:
            sqlalchemy.event.remove(engine, event, deed)
            engine.dispose()

    def test_a_release_without_one_of_the_writes_is_refused(self):
        class Newer(stock_identity.Identity):
            _record_failed_auth = None

        with self.assertRaisesRegex(ImportError, "Newer._record_failed_auth"):
            drivers._bookkeeping(Newer, "_record_failed_auth")


if __name__ == "__main__":
    unittest.main()
