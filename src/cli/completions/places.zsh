# The names of regions and replicas, from settings that may be read.
_keyward_places() {
    local -a names
    names=(${(f)"$(keyward check 2>/dev/null |
        awk '/^region / { region = $2; print region } /^  replica / { print region "/" $2 }')"})
    compadd -a names
}

_keyward_regions() {
    local -a names
    names=(${(f)"$(keyward check 2>/dev/null | awk '/^region / { print $2 }')"})
    compadd -a names
}

