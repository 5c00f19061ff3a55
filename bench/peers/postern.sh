# Postern as a peer of the side-by-side runs: defaults, one route to the sink, every 250 behind a flush.
# POSTERN: the program (Release build). POSTERN_KEYS: further lines for the transport.
: "${POSTERN:?the postern program}"
peer_setup() {
  mkdir -p "$DIR"/data
  printf 'u:p' > "$DIR"/login; chmod 600 "$DIR"/login
  local tls='tls = "none"'
  [ -z "${PEER_TLS:-}" ] || tls="tls = \"required\"
ca = \"file:$B/tls.crt\"
login = \"file:$DIR/login\""
  cat > "$DIR"/postern.toml <<X
hostname = "relay.example.com"
data     = "$DIR/data"

[[listen]]
name = "submission"
on   = "127.0.0.1:$PORT"
for  = "submission"

[limits]
connections-per-client = 20000

[log]
file   = "$DIR/postern.log"
format = "postfix"

[transports.sink]
kind = "smtp"
host = "[127.0.0.1]:$SINKPORT"
$tls
${POSTERN_KEYS:-}

[[routes]]
name = "everything"
via  = ["sink"]
X
}
peer_start() {
  setsid "$POSTERN" serve --config "$DIR"/postern.toml >"$DIR"/out 2>"$DIR"/err &
  echo $! > "$DIR"/pid
  sleep 2
}
peer_stop() { kill "$(cat "$DIR"/pid)"; }
peer_qdir() { echo "$DIR"/data; }
peer_qcount() { "$POSTERN" queue list --json --server "$DIR"/data | wc -l; }
# Ready recipients wait in the closed lane: nothing is active once the lane is closed.
peer_settled() {
  curl -s --unix-socket "$DIR"/data/admin.sock 'http://localhost/admin/v1/queue?state=active&limit=1'
}
peer_flush() { "$POSTERN" queue retry ALL --server "$DIR"/data; }
peer_version() { "$POSTERN" --version; }
