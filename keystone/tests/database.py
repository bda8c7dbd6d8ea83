"""A real MariaDB in a temporary folder, on a unix socket and no port."""
import os
import pathlib
import shutil
import subprocess
import time

import pymysql

LIMIT = 60  # seconds for a start, and for a stop


def program(name):
    """The path of a MariaDB program; Debian keeps the server where a user's PATH does not lead."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError(f"there is no {name}: install mariadb-server-core")
    return found


class Database:
    """A server that runs until it is closed, with the schema `keystone` and Keystone's account `ks`."""

    def __init__(self, folder: pathlib.Path):
        self.socket = folder / "s"
        self._log = folder / "mariadb.log"
        options = folder / "my.cnf"
        options.write_text(
            f"[mysqld]\ndatadir={folder}/data\nsocket={self.socket}\nskip-networking\nskip-name-resolve\n"
            f"tmpdir={folder}\ninnodb_buffer_pool_size=32M\ninnodb_log_file_size=16M\nperformance_schema=OFF\n"
            f"innodb_flush_log_at_trx_commit=0\npid-file={folder}/pid\n" + ("user=root\n" if os.geteuid() == 0 else "")
        )
        with open(self._log, "wb") as log:
            subprocess.run(
                [program("mariadb-install-db"), f"--defaults-file={options}", "--skip-test-db", "--force",
                 "--auth-root-authentication-method=normal"],
                check=True, stdout=log, stderr=log, timeout=LIMIT,
            )
            self._server = subprocess.Popen(
                [program("mariadbd"), f"--defaults-file={options}"], stdout=log, stderr=log,
            )
        self._rights = None
        self._root = self._connect_within_limit()
        self.run(
            "CREATE DATABASE keystone CHARACTER SET utf8mb3",
            "CREATE USER ks@localhost IDENTIFIED BY 'ks'",
        )
        self.let_write()

    @property
    def url(self):
        """What Keystone's setting `[database] connection` says."""
        return f"mysql+pymysql://ks:ks@localhost/keystone?charset=utf8&unix_socket={self.socket}"

    def connect(self):
        """One more connection as root."""
        return pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)

    def run(self, *statements):
        """Runs statements as root; the rows of the last one."""
        with self._root.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def let_write(self):
        """Takes writes from everybody."""
        self._grant("ALL")
        self.run("SET GLOBAL read_only = 0")

    def be_read_only(self):
        """Refuses every write of Keystone's account as a replica does."""
        self.run("SET GLOBAL read_only = 1")

    def let_only_read(self):
        """Refuses every write of Keystone's account by its rights alone."""
        self._grant("SELECT")

    def close(self):
        self._root.close()
        self._server.terminate()
        try:
            self._server.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _grant(self, rights):
        if self._rights == rights:
            return
        self._rights = rights
        self.run(
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM ks@localhost",
            f"GRANT {rights} ON keystone.* TO ks@localhost",
            # an open connection keeps the rights that it had
            "KILL CONNECTION USER ks@localhost",
        )

    def _connect_within_limit(self):
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                return self.connect()
            except pymysql.err.OperationalError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    self._server.kill()
                    self._server.wait()
                    raise RuntimeError(f"MariaDB did not start: {self._log.read_text()[-2000:]}") from None
                time.sleep(0.05)
