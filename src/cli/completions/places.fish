
# The names of regions and replicas, from settings that may be read.
function __fish_keyward_places
    keyward check 2>/dev/null | awk '/^region / { region = $2; print region } /^  replica / { print region "/" $2 }'
end

complete -c keyward -n "__fish_keyward_using_subcommand failover failback pause resume hook-test" -f -a "(__fish_keyward_places | string match -v '*/*')"
complete -c keyward -n "__fish_keyward_using_subcommand release adopt" -f -a "(__fish_keyward_places)"
complete -c keyward -n "__fish_keyward_using_subcommand setup verify doctor" -f -l region -x -a "(__fish_keyward_places)"
complete -c keyward -n "__fish_keyward_using_subcommand completions" -f -a "bash elvish fish powershell zsh"
complete -c keyward -n "__fish_keyward_using_subcommand man" -f -a "keyward keyward.toml"
complete -c keyward -n "__fish_keyward_using_subcommand run check status events demo" -f
