# Ends what its parent started, in order, once the parent is gone or says so.
#
# The parent holds the other end of standard input. While it lives it writes
#   watch RANK PID [MARK]   a process to end (the mark is looked up unless given)
#   forget PID              that process was ended and reaped by the parent
#   keep FILE               write the folder and the processes to FILE and leave all of it alone
# and whatever way the parent ends, SIGKILL included, the pipe closes: then everything watched is
# ended, the highest rank first, and the folder is removed. A mark (the start time) makes sure that
# a process number which meanwhile belongs to another process is never signalled.
trap '' HUP INT TERM PIPE
folder=$1

mark() { # pid -> its start time; nothing if it is gone or only waits to be reaped
  if [ -r /proc/self/stat ]; then
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    set -- ${stat##*) }
    case $1 in Z | X) ;; *) printf '%s' "${20}" ;; esac
  else
    set -- $(ps -o stat= -o lstart= -p "$1" 2>/dev/null)
    case ${1:-Z} in Z*) ;; *) printf '%s' "$2$3$4$5$6" ;; esac
  fi
}

running() { # pid, mark
  now=$(mark "$1")
  [ -n "$now" ] && [ "$now" = "$2" ]
}

gone_within() { # tenths of a second, pid, mark
  left=$1
  while running "$2" "$3"; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 0.1
  done
}

end() { # pid, mark
  running "$1" "$2" || return 0
  kill -TERM "$1" 2>/dev/null
  gone_within 50 "$1" "$2" && return 0
  running "$1" "$2" && kill -KILL "$1" 2>/dev/null
  gone_within 50 "$1" "$2"
}

watched=''
while read -r verb first second third; do
  case $verb in
    watch) watched="$watched$first $second ${third:-$(mark "$second")}
" ;;
    forget) watched=$(printf '%s' "$watched" | grep -v "^[0-9]* $first ")
      [ -z "$watched" ] || watched="$watched
" ;;
    keep)
      { printf 'folder %s\n' "$folder"; printf '%s' "$watched" | sed 's/^/watch /'; } >"$first" || continue
      exit 0 ;;
  esac
done

printf '%s' "$watched" | sort -rn | while read -r _ pid mark; do
  end "$pid" "$mark"
done
[ -z "$folder" ] || rm -rf -- "$folder"
