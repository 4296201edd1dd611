# Completion of freshet for bash.

# The repositories that the daemon follows; nothing when it does not answer at once.
_freshet_names() {
  local i config=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    [[ ${COMP_WORDS[i]} == --config ]] && config=(--config "${COMP_WORDS[i + 1]}")
  done
  timeout 2 "${COMP_WORDS[0]}" status --json "${config[@]}" 2>/dev/null |
    grep -o '"name":"[^"]*"' | cut -d '"' -f 4
}

# The command, which is the first word that is no option and no option's value.
_freshet_command() {
  local i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --config) ((++i)) ;;
      -*) ;;
      *) printf '%s' "${COMP_WORDS[i]}"; return ;;
    esac
  done
}

_freshet() {
  local commands='serve mirror sync check status refresh pause resume wait deliveries replay explain'
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local options='--config --json --help' words='' files='' command
  command=$(_freshet_command)

  case $before in
    --config) COMPREPLY=($(compgen -f -- "$word")); return ;;
    --forge) COMPREPLY=($(compgen -W 'github gitea gitlab bitbucket generic' -- "$word")); return ;;
    --repository | --name) COMPREPLY=($(compgen -W "$(_freshet_names)" -- "$word")); return ;;
    --ref | --interval | --commit | --timeout | --limit | --header) return ;;
  esac
  case $command in
    '') options+=' --version'; words=$commands ;;
    mirror) options+=' --ref --interval --once'; files=yes ;;
    check) options+=' --online --drift' ;;
    refresh) options+=' --all --wait --accept-loss' ;;
    wait) options+=' --commit --timeout' ;;
    deliveries) options+=' --repository --limit --follow' ;;
    explain) options+=' --forge --header --name'; files=yes ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
    return
  fi
  case $command in
    sync | status | refresh | pause | resume | wait) words=$(_freshet_names) ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [[ -z $files ]] || COMPREPLY+=($(compgen -f -- "$word"))
}

complete -F _freshet freshet
