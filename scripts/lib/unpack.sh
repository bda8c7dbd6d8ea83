# Sourced by the scripts that fetch something into a folder of its own: once, by one at a time, and from Debian's
# packages without installing any. The packages of a suite are fetched through apt folders of their own and unpacked, no
# script of theirs runs, and their programs run with that suite's own loader and libraries.
# Whoever sources it has set `me`, the script's name, and stands in the project's folder.

# begin FOLDER NAME: ends the script well when FOLDER/NAME is there, else locks it and makes $work, a folder to work in
begin() {
    cache=$1 kind=$2 ready=$1/$2
    mkdir -p "$cache"
    exec 9>"$cache/$kind.lock"
    # whoever fetches it now is done within the limits below
    flock --timeout 1200 9 || { echo "$me: somebody has been fetching $kind for 20 minutes" >&2 && exit 1; }
    [ -e "$ready/version" ] && exit 0
    rm -f "$cache/$kind.missing"
    work=$PWD/$(mktemp -d "$cache/unfinished-$kind-XXXXXX")
    trap 'rm -rf "$work"' EXIT
}

# cannot WORDS...: it cannot be had on this machine now; its tests are skipped, and say these words
cannot() {
    echo "$*" >"$cache/$kind.missing"
    printf '%s: %s CANNOT BE HAD: %s\n' "$me" "$kind" "$*" >&2
    exit 75
}

# use_suite SUITE: makes apt folders of its own for it in $work, and reads what the suite has
use_suite() {
    suite=$1
    local program keys
    for program in apt-get dpkg-deb; do
        command -v "$program" >/dev/null || cannot "this is no Debian: there is no $program"
    done
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keys" ] || cannot "the archive's keys are not here (Debian package debian-archive-keyring)"
    # the mirror that this host uses for its own suite
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | sed -n '\|/debian/\?$|{p;q}' || true)
    mirror=${mirror:-http://deb.debian.org/debian}

    apt=$work/apt
    mkdir -p "$apt"/{lists/partial,cache/archives/partial,preferences.d}
    # an empty status: what is fetched comes with everything that it stands on, down to the C library
    : >"$apt/status"
    echo "deb [signed-by=$keys] $mirror $suite main" >"$apt/sources.list"
    echo "Fetching $kind from Debian's suite $suite into $ready"
    limited_apt 300 update || cannot "the suite $suite of $mirror cannot be reached: $(why)"
}

limited_apt() { # limited_apt SECONDS WORDS...
    timeout --kill-after=10 "$1" apt-get -qq -o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" \
        -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o "Dir::Etc::SourceList=$apt/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
        -o "Dir::Etc::PreferencesParts=$apt/preferences.d" -o Acquire::Languages=none -o Acquire::Retries=2 \
        -o Acquire::http::Timeout=30 -o APT::Update::Error-Mode=any -o APT::Install-Recommends=false \
        -o APT::Sandbox::User="$(id -un)" "${@:2}" </dev/null >"$work/apt.log" 2>&1
}

why() {
    tr '\n' ' ' <"$work/apt.log" | tail -c 300
}

# get PACKAGES...: fetches them with all that they depend on
get() {
    limited_apt 600 install --yes --download-only "$@" || cannot "the suite $suite has no whole set of $* now: $(why)"
}

# new_root: makes $root, into which packages are unpacked
new_root() {
    root=$work/root
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
    local folder
    for folder in bin sbin lib lib64; do
        ln -s "usr/$folder" "$root/$folder"
    done
}

# unpack FILE WANTED: unpacks what stands below WANTED, for example ./usr, in a package
unpack() {
    dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$root" --keep-directory-symlink --no-same-owner \
        --exclude=./usr/share/{doc,man,locale,lintian,bug} --wildcards "$2*" 2>"$work/tar.log" ||
        grep -q 'Not found in archive' "$work/tar.log" || { cat "$work/tar.log" >&2 && exit 1; }
}

# wrap PROGRAMS...: each becomes a few lines that run it with its own loader and libraries, wherever the folder is
wrap() {
    local loader libraries program
    loader=$(cd "$root/usr" && find -L lib lib64 -maxdepth 2 -name 'ld-linux-*.so.*' | head -n 1)
    libraries=$(cd "$root/usr" && dirname lib/*-linux-gnu*/libc.so.6)
    for program in "$@"; do
        # the old names are links to the new ones
        if [ ! -f "$root/usr/$program" ] || [ -L "$root/usr/$program" ]; then
            continue
        fi
        mv "$root/usr/$program" "$root/usr/$program.elf"
        cat >"$root/usr/$program" <<WRAPPER
#!/bin/sh
usr=\${0%/*}/..
exec "\$usr/$loader" --argv0 "\$0" --library-path "\$usr/$libraries:\$usr/$libraries/libproxy:\$usr/lib/mysql/private" "\$0.elf" "\$@"
WRAPPER
        chmod 755 "$root/usr/$program"
    done
}

# finish: the folder is whole now and gets its name
finish() {
    rm -rf "$ready"
    # a rename, so that a folder under the final name is always complete
    mv "$root" "$ready"
    echo "There is $(cat "$ready/version") in $ready"
}
