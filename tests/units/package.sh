#!/bin/bash
# package.sh FOLDER PACKAGE: the life of the Debian package on one machine, in a mount namespace (see package.rs). Ends with
# 75 where no root can be laid over this machine's.
set -euo pipefail
stage=$1 package=$2
mount -t tmpfs tmpfs "$stage"
mkdir "$stage/upper" "$stage/work" "$stage/system"
mount -t overlay overlay -o "lowerdir=/,upperdir=$stage/upper,workdir=$stage/work" "$stage/system" || exit 75
mount --rbind /dev "$stage/system/dev"
mount --rbind /proc "$stage/system/proc"
cp "$package" "$stage/system/package.deb"
inside() { chroot "$stage/system" "$@" </dev/null; }
modes() {
    for file in "$@"; do inside stat -c '%a %U:%G %n' "$file" 2>/dev/null || echo "no $file"; done
}
install() { inside dpkg --no-triggers --force-confdef --force-confold --install /package.deb 2>&1; }

echo "== installed"
install
inside keyward --version
# the names are dpkg-query's
# shellcheck disable=SC2016
inside dpkg-query --show --showformat='${Status}\n${Conffiles}\n' keyward
modes /usr/bin/keyward /usr/lib/systemd/system/keyward.service /etc/keyward /etc/keyward/keyward.toml /etc/keyward/hooks /var/lib/keyward
inside sh -c 'getent passwd keyward | cut -d: -f6-'
inside grep -aoE 'GLIBC_2\.[0-9]+' /usr/bin/keyward | sort -uV | tail -n 1
if command -v systemd-analyze >/dev/null; then
    inside systemd-analyze verify --man=no /usr/lib/systemd/system/keyward.service 2>&1 | sed 's/^/systemd-analyze: /'
fi
echo "== upgraded"
inside sh -c 'echo "# mine" >>/etc/keyward/keyward.toml; echo secret >/etc/keyward/keyward.password
    chmod 644 /etc/keyward/keyward.password; echo "{}" >/var/lib/keyward/state.json
    echo secret >/etc/keyward/probe.password; echo mine >/etc/keyward/hooks/local-auth'
install
# dpkg may run it again after it was interrupted; the name is dpkg-query's
# shellcheck disable=SC2016
inside /var/lib/dpkg/info/keyward.postinst configure "$(inside dpkg-query --show --showformat='${Version}' keyward)"
inside tail -n 1 /etc/keyward/keyward.toml
modes /etc/keyward/keyward.password
echo "== removed"
inside dpkg --no-triggers --remove keyward
modes /usr/bin/keyward /usr/lib/systemd/system/keyward.service
inside cat /var/lib/keyward/state.json
inside tail -n 1 /etc/keyward/keyward.toml
echo "== purged"
inside dpkg --no-triggers --purge keyward 2>&1
echo "== left"
cd "$stage/upper"
find . -path ./var/lib/dpkg -prune -o \( -path '*keyward*' -a ! -type c \) -print | sort
