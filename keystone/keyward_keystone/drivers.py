"""The two drivers: Keystone's own SQL drivers, whose login bookkeeping may be refused by a read-only database.

Keystone loads them by their entry points: `[identity] driver = keyward` and `[shadow_users] driver = keyward`.
"""
import functools

from keystone.identity.backends import sql as identity
from keystone.identity.shadow_backends import sql as shadow_users

from keyward_keystone import refusal
from keyward_keystone import tally

SKIPPED = tally.Tally()


def _bookkeeping(driver, name):
    """The method `name` of Keystone's driver, for which a read-only database is no error.

    A release without that method stops Keystone when it loads the driver. Left unsaid, the first login of an outage
    would tell.
    """
    stock = getattr(driver, name, None)
    if stock is None:
        raise ImportError(
            f"this release of Keystone has no {driver.__module__}.{driver.__name__}.{name}: "
            "install a keyward-keystone that knows it, or set the driver back to sql"
        )

    @functools.wraps(stock)
    def write(*args, **kwargs):
        SKIPPED.tell_if_due()
        try:
            return stock(*args, **kwargs)
        except Exception as error:
            number = refusal.number(error)
            if number is None:
                raise
        # Keystone's session ended with the exception: rolled back, closed, its connection back in the pool
        SKIPPED.add(name, number)
        return None

    return write


class Identity(identity.Identity):
    """Keystone's SQL identity driver; failed logins that cannot be counted are not counted."""

    _record_failed_auth = _bookkeeping(identity.Identity, "_record_failed_auth")
    _reset_failed_auth = _bookkeeping(identity.Identity, "_reset_failed_auth")


class ShadowUsers(shadow_users.ShadowUsers):
    """Keystone's SQL driver of shadow users; a day of last activity or a display name that cannot be kept is not kept."""

    set_last_active_at = _bookkeeping(shadow_users.ShadowUsers, "set_last_active_at")
    update_federated_user_display_name = _bookkeeping(
        shadow_users.ShadowUsers, "update_federated_user_display_name"
    )
