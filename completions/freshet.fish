# Completion of freshet for fish.

# The repositories that the daemon follows; nothing when it does not answer at once.
function __freshet_names
    set -l words (commandline -opc)
    set -l config
    if set -l at (contains -i -- --config $words)
        set config --config $words[(math $at + 1)]
    end
    timeout 2 freshet status --json $config 2>/dev/null | grep -o '"name":"[^"]*"' | cut -d '"' -f 4
end

complete -c freshet -f
complete -c freshet -l config -r -F -d 'Configuration file'
complete -c freshet -l json -d 'Print results as JSON'
complete -c freshet -s h -l help -d 'Print help'

complete -c freshet -n __fish_use_subcommand -l version -d 'Print the version'
complete -c freshet -n __fish_use_subcommand -a serve -d 'Run the daemon in the foreground'
complete -c freshet -n __fish_use_subcommand -a mirror -d 'Follow URL and publish it at PATH'
complete -c freshet -n __fish_use_subcommand -a sync -d 'Refresh repositories once, in this process'
complete -c freshet -n __fish_use_subcommand -a check -d 'Check the configuration'
complete -c freshet -n __fish_use_subcommand -a status -d 'Show what the running daemon knows'
complete -c freshet -n __fish_use_subcommand -a refresh -d 'Refresh repositories now'
complete -c freshet -n __fish_use_subcommand -a pause -d 'Stop refreshes of a repository'
complete -c freshet -n __fish_use_subcommand -a resume -d 'Let a paused repository go on'
complete -c freshet -n __fish_use_subcommand -a wait -d 'Wait until a commit is published'
complete -c freshet -n __fish_use_subcommand -a deliveries -d 'List the last webhook deliveries'
complete -c freshet -n __fish_use_subcommand -a replay -d 'Take a delivery again'
complete -c freshet -n __fish_use_subcommand -a explain -d 'Say what a saved delivery would do'

complete -c freshet -n '__fish_seen_subcommand_from sync status refresh pause resume wait' -a '(__freshet_names)'

complete -c freshet -n '__fish_seen_subcommand_from mirror' -F
complete -c freshet -n '__fish_seen_subcommand_from mirror' -l ref -x -d 'Branch, tag, full ref or commit'
complete -c freshet -n '__fish_seen_subcommand_from mirror' -l interval -x -d 'How often to ask the upstream'
complete -c freshet -n '__fish_seen_subcommand_from mirror' -l once -d 'Refresh once, then exit'
complete -c freshet -n '__fish_seen_subcommand_from check' -l online -d 'Ask each upstream with its credentials'
complete -c freshet -n '__fish_seen_subcommand_from check' -l drift -d 'Compare trees with their commits'
complete -c freshet -n '__fish_seen_subcommand_from refresh' -l all -d 'Every repository'
complete -c freshet -n '__fish_seen_subcommand_from refresh' -l wait -d 'Wait for the result'
complete -c freshet -n '__fish_seen_subcommand_from refresh' -l accept-loss -d 'Agree that most refs were deleted'
complete -c freshet -n '__fish_seen_subcommand_from wait' -l commit -x -d 'Full hash'
complete -c freshet -n '__fish_seen_subcommand_from wait' -l timeout -x -d 'Wait at most this long'
complete -c freshet -n '__fish_seen_subcommand_from deliveries' -l repository -x -a '(__freshet_names)'
complete -c freshet -n '__fish_seen_subcommand_from deliveries' -l limit -x -d 'How many'
complete -c freshet -n '__fish_seen_subcommand_from deliveries' -l follow -d 'Go on with what comes'
complete -c freshet -n '__fish_seen_subcommand_from explain' -F
complete -c freshet -n '__fish_seen_subcommand_from explain' -l forge -x -a 'github gitea gitlab bitbucket generic'
complete -c freshet -n '__fish_seen_subcommand_from explain' -l header -x -d 'A header'
complete -c freshet -n '__fish_seen_subcommand_from explain' -l name -x -a '(__freshet_names)'
