# What a reader's terminals do. `skillhost up` runs in another one until the next takes its place.
set -euo pipefail

UP=

host_down() {
  [ -n "$UP" ] || return 0
  local pid=$UP
  UP=
  kill -INT "$pid"
  wait "$pid"
}

# host_up [ARGUMENT…]: comes back once the host serves what lies in the drop folder.
host_up() {
  host_down
  : >up.log
  skillhost up "$@" >up.log 2>&1 </dev/null &
  UP=$!
  local address=
  until address=$(sed -n 's/.*listening on //p' up.log) && [ -n "$address" ]; do still_up; done
  case $address in
    unix:*) until curl --silent --fail --output up.ready --unix-socket "${address#unix:}" http://localhost/ready; do still_up; done ;;
    *) until curl --silent --fail --insecure --output up.ready "$address/ready"; do still_up; done ;;
  esac
}

still_up() {
  kill -0 "$UP" || { cat up.log; return 1; }
  sleep 0.05
}
