
# The names of regions and replicas, from settings that may be read.
_keyward_places() {
    keyward check 2>/dev/null | awk '/^region / { region = $2; print region } /^  replica / { print region "/" $2 }'
}

# What clap has made, and beside it the names where one is asked for.
_keyward_with_places() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} asked names i
    _keyward "$@"
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        failover | failback | pause | resume | hook-test | release | adopt | setup | verify | doctor)
            asked=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    case $asked:$before in
    setup:--region | verify:--region | doctor:--region) names=$(_keyward_places) ;;
    setup:* | verify:* | doctor:* | :* | *:--reason | *:--for | *:--config) return ;;
    release:* | adopt:*) names=$(_keyward_places) ;;
    *) names=$(_keyward_places | grep -v /) ;;
    esac
    if [[ $word != -* && -n $names ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
    fi
}

complete -F _keyward_with_places -o bashdefault -o default keyward
