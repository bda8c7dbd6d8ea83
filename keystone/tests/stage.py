"""What the tests stand on: a MariaDB with Keystone's tables, and Keystones in front of it."""
import atexit
import functools
import grp
import json
import os
import pathlib
import pwd
import select
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import database

LIMIT = 120  # seconds for one command of Keystone's, and for its start
RIGHT = "opensesame"
WRONG = "opensesami"

_CONFIGURATION = """
[DEFAULT]
log_file = {folder}/{name}.log
[database]
connection = {url}
[identity]
driver = {driver}
password_hash_rounds = 4
[shadow_users]
driver = {driver}
[security_compliance]
lockout_failure_attempts = 3
lockout_duration = 600
disable_user_account_days_inactive = {days_inactive}
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[cache]
enabled = false
"""


class Stage:
    """A database that Keystone's own commands filled, in a temporary folder."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keyward-keystone-"))
        try:
            self.database = database.Database(self.folder)
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        try:
            plain = self.configuration("manage", "sql")
            owner = [f"--keystone-user={pwd.getpwuid(os.geteuid()).pw_name}",
                     f"--keystone-group={grp.getgrgid(os.getegid()).gr_name}"]
            for command in (["db_sync"], ["fernet_setup", *owner], ["credential_setup", *owner],
                            ["bootstrap", "--bootstrap-password", RIGHT]):
                self._manage(plain, command)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.database.close()
        shutil.rmtree(self.folder)

    def configuration(self, name, driver, days_inactive=""):
        """A configuration file of Keystone's with these drivers."""
        path = self.folder / f"{name}.conf"
        text = _CONFIGURATION.format(
            folder=self.folder, name=name, url=self.database.url, driver=driver, days_inactive=days_inactive
        )
        # left out, it is off; empty, it is no number
        path.write_text(text.replace("disable_user_account_days_inactive = \n", ""))
        (self.folder / "fernet").mkdir(mode=0o700, exist_ok=True)
        (self.folder / "credential").mkdir(mode=0o700, exist_ok=True)
        return path

    def user(self, name):
        """What the login bookkeeping of a user looks like: failed logins, whether the last is dated, last active."""
        rows = self.database.run(
            "SELECT l.failed_auth_count, l.failed_auth_at IS NOT NULL, CAST(u.last_active_at AS CHAR)"
            f" FROM keystone.user u JOIN keystone.local_user l ON l.user_id = u.id WHERE l.name = '{name}'"
        )
        (count, dated, active), = rows
        return count or 0, bool(dated), active

    def fail_before(self, name, count, seconds_ago):
        """As if the master had counted failed logins, and the replica had them."""
        self.database.run(
            f"UPDATE keystone.local_user SET failed_auth_count = {count},"
            f" failed_auth_at = UTC_TIMESTAMP() - INTERVAL {seconds_ago} SECOND WHERE name = '{name}'"
        )

    def _manage(self, configuration, command):
        words = [sys.executable, "-c", "from keystone.cmd.manage import main; main()"]
        done = subprocess.run(
            [*words, "--config-file", str(configuration), *command],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False,
        )
        if done.returncode:
            raise RuntimeError(f"keystone-manage {command[0]} failed: {done.stdout.decode()[-2000:]}")


@functools.lru_cache(maxsize=None)
def shared():
    """The stage of all tests of this process; filling it takes longer than most of them."""
    made = Stage()
    atexit.register(made.close)
    return made


class Keystone:
    """A Keystone of its own process."""

    def __init__(self, stage, name, driver, days_inactive=""):
        self.log = stage.folder / f"{name}.log"
        configuration = stage.configuration(name, driver, days_inactive)
        with open(stage.folder / f"{name}.out", "wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, str(pathlib.Path(__file__).with_name("serve.py")), str(configuration)],
                stdout=subprocess.PIPE, stderr=out,
            )
        ready, _, _ = select.select([self._process.stdout], [], [], LIMIT)
        port = self._process.stdout.readline().strip() if ready else b""
        if not port:
            self.close()
            raise RuntimeError(f"Keystone did not start: {(stage.folder / f'{name}.out').read_text()[-2000:]}")
        self._url = f"http://127.0.0.1:{port.decode()}"

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def call(self, method, path, body=None, token=None):
        """The status of the answer, its token if it has one, and its document."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["X-Auth-Token"] = token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT) as answer:
                text = answer.read()
                return answer.status, answer.headers.get("X-Subject-Token"), json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            with error:
                error.read()
            return error.code, None, None

    def login(self, user, password):
        """The status of a password login, and the token."""
        identity = {"name": user, "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}} if user == "admin" else "unscoped"
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": identity}}, "scope": scope}}
        return self.call("POST", "/v3/auth/tokens", body)[:2]

    def skipped(self):
        """The lines of its log about skipped writes."""
        return [line for line in self.log.read_text().splitlines() if "login bookkeeping" in line]
