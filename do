#!/usr/bin/env bash
# The one entry script. ./do alone says what there is.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en
program=src/Postern/bin/Release/net10.0/postern
fuzz=fuzz/Postern.Fuzz/bin/Release/net10.0/Postern.Fuzz
bench=bench/Postern.Bench/bin/Release/net10.0/Postern.Bench
# For each target; on two processors two of them run side by side.
fuzz_seconds=15
quiet=(-noLogo -noColor)

usage() {
  cat <<'X'
./do run [ARGS]        build and serve; without arguments the sandbox, on loopback alone
./do postern ARGS     a command of the program: send, log, trace, queue list, ...
./do test [--install]  build and run everything: units, real peers, crash smoke
                       --install (or CI=true, as root) first installs the peers: Postfix, Exim, swaks, ...
./do test NAME         only the tests whose class or name contains NAME
./do crash [KILLS]     kills, power cuts, failed flushes, full disks, floods, failing next hops, at
                       length (default 200 kills); ends with a table of what was acknowledged, lost,
                       repeated, refused
./do fuzz [SECONDS [TARGET]] [--seed N]
                       every fuzz target, or one, for so long (default 15)
./do bench peers       Postern beside Postfix in one run (tests of bench/side-by-side may follow)
./do bench size [COUNT]
                       memory, restart and drain with so many queued messages (default 1,000,000)
./do bench idle [COUNT]
                       memory of so many idle connections, in the clear and with TLS (default 10,000)
./do bench inbound [COUNT]
                       mail to Pub/Sub, checked, beside Postfix with a script (root; default 20,000)
./do bench api [COUNT] messages accepted by the HTTP API and by SMTP in turn (default 10,000 each)
./do bench dashboard [EVENTS]
                       pages, searches and ten open dashboards over a full store (default 1,000,000)
./do bench code [FILTER] [OPTIONS]
                       time and octets allocated of pieces of the program, all or those whose name contains
                       FILTER: Parse, Session, Commit, Dispatch; options of BenchmarkDotNet: --job short
./do lint              formatting and analyzers; changes nothing
./do package           artifacts/postern-VERSION-{portable,linux-x64}.tar.gz
./do ci                what CI does
X
}

# CI proves that the lock files are complete: what is not in them is not restored.
restore() {
  if [ "${CI:-}" = true ]; then dotnet restore --locked-mode -v q "$@"; else dotnet restore -v q "$@"; fi
}

build() {
  restore "$@"
  dotnet build --no-restore -c Release -v q "$@"
}

# Runs one test program and adds its line "Total: N, Errors: E, Failed: F, Skipped: S" to the sums.
passed=0 failed=0 skipped=0 only=()
suite() {
  local name=$1 log status=0
  shift
  log=$(mktemp)
  echo "== $name"
  "$@" 2>&1 | tee "$log" || status=$?
  count "$name" "$status" "$log"
}

# Runs beside what follows, as nice as its second argument says: what needs a processor and nothing else takes
# what is left of the machine. What it says comes when it is done.
beside=()
begin_beside() {
  local name=$1 niceness=$2 log
  shift 2
  log=$(mktemp)
  nice -n "$niceness" "$@" > "$log" 2>&1 &
  beside+=("$name $! $log")
}

end_beside() {
  local one name process log status
  for one in "${beside[@]}"; do
    read -r name process log <<<"$one"
    status=0
    wait "$process" || status=$?
    echo "== $name"
    cat "$log"
    count "$name" "$status" "$log"
  done
  beside=()
}

count() {
  local name=$1 status=$2 log=$3 counts
  counts=$(grep -Eo 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -1 || true)
  # A suite in which nothing bears the name that was asked for says only this.
  if [ ${#only[@]} -gt 0 ] && grep -q 'Total: 0$' "$log"; then counts='0 0 0 0'; fi
  rm -f "$log"
  if [ -z "$counts" ]; then
    echo "$name: ended with $status and without a result" >&2
    failed=$((failed + 1))
    return
  fi
  local total errors wrong left
  read -r total errors wrong left < <(tr -cd '0-9 \n' <<<"$counts" | tr -s ' ')
  passed=$((passed + total - wrong - left))
  failed=$((failed + wrong + errors))
  skipped=$((skipped + left))
  # A program that fails although each of its tests passed must not look well.
  if [ "$status" != 0 ] && [ $((wrong + errors)) = 0 ]; then failed=$((failed + 1)); fi
}

finish() {
  [ "$skipped" = 0 ] || echo "$skipped skipped"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

test_program() { echo "test/$1/bin/Release/net10.0/$2"; }

# Beside the build and the units, which need none of them: what it says comes when it is done.
begin_peers() {
  if [ "$(id -u)" != 0 ]; then
    echo "do: installing the peers needs root; tests that miss one will skip" >&2
  else
    installed=$(mktemp)
    test/interop/install-peers > "$installed" 2>&1 &
    installing=$!
  fi
}

end_peers() {
  [ -n "${installing:-}" ] || return 0
  if ! wait "$installing"; then
    cat "$installed" >&2
    echo "do: not every peer could be installed; tests that miss one will skip" >&2
  fi
  rm -f "$installed"
}

run_tests() {
  local install=${CI:-false}
  for argument in "$@"; do
    case "$argument" in
      --install) install=true ;;
      --bless) export POSTERN_BLESS=1 ;;
      *) only+=(-class "*$argument*") ;;
    esac
  done
  [ "$install" != true ] || begin_peers
  build Postern.slnx
  # Nothing here runs long enough for a second look at its code to pay.
  export DOTNET_TieredPGO=0
  local units walks
  units=$(test_program Postern.Tests Postern.Tests)
  walks=Postern.Tests.Simulation
  suite units "$units" "${quiet[@]}" -namespace- "$walks" "${only[@]}"
  end_peers
  # The program's own code is compiled quickly, not well: a start costs the tests half the time (measured).
  export DOTNET_TC_QuickJit=1
  local peers=("$(test_program interop Postern.Interop)" "${quiet[@]}")
  local pages=Postern.Interop.Dashboard crash=Postern.Interop.Crash
  # A first generation of 64 MiB (hexadecimal): the simulation lives on short-lived objects.
  begin_beside simulation 19 env DOTNET_GCgen0size=4000000 \
    "$units" "${quiet[@]}" -namespace "$walks" "${only[@]}"
  # The same inputs at each run: only how many of them there is time for differs.
  [ ${#only[@]} -gt 0 ] || begin_beside fuzz 19 "$fuzz" "$fuzz_seconds" --seed 1
  begin_beside browser 5 "${peers[@]}" -namespace "$pages" "${only[@]}"
  # Its time goes into waiting: for processes that start again, for next hops that come back.
  begin_beside crash 0 "${peers[@]}" -namespace "$crash" "${only[@]}"
  suite interop "${peers[@]}" -namespace- "$pages" -namespace- "$crash" "${only[@]}"
  end_beside
  finish
}

run_crash() {
  build test/interop
  local table
  table=$(mktemp)
  export POSTERN_CRASH_KILLS=${1:-200} POSTERN_CRASH_TABLE=$table
  suite crash "$(test_program interop Postern.Interop)" "${quiet[@]}" -namespace Postern.Interop.Crash
  printf '%-36s %6s %13s %6s %8s %8s\n' fault runs acknowledged lost repeats refused
  cat "$table"
  rm -f "$table"
  finish
}

run_fuzz() {
  build fuzz/Postern.Fuzz
  [ $# -gt 0 ] || set -- "$fuzz_seconds"
  "$fuzz" "$@"
}

run_bench() {
  local what=${1:-}
  [ $# = 0 ] || shift
  case "$what" in
    peers) exec bench/side-by-side "$@" ;;
    size | idle | api | inbound | dashboard)
      build src/Postern
      exec "bench/$what" "$@" ;;
    code)
      build bench/Postern.Bench
      exec "$bench" "$@" ;;
    *)
      echo "do: bench knows: peers size idle api inbound dashboard code" >&2
      exit 64 ;;
  esac
}

run_package() {
  local version kind output
  version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
  mkdir -p artifacts
  for kind in portable linux-x64; do
    output=artifacts/postern-$version-$kind
    rm -rf "$output"
    if [ "$kind" = portable ]; then
      dotnet publish src/Postern -c Release -v q -o "$output" -p:UseAppHost=true --self-contained false
    else
      # A runtime of its own is not in the lock files, which hold for every machine: it gets others.
      dotnet publish src/Postern -c Release -v q -o "$output" -r "$kind" --self-contained true \
        -p:RestoreLockedMode=false -p:NuGetLockFilePath="obj/$kind.lock.json"
    fi
    cp LICENSE "$output"
    tar -C artifacts -czf "$output.tar.gz" "postern-$version-$kind"
    rm -rf "$output"
    echo "$output.tar.gz"
  done
}

command=${1:-help}
[ $# = 0 ] || shift
case "$command" in
  run)
    build src/Postern
    exec "$program" serve "$@" ;;
  postern)
    [ -x "$program" ] || build src/Postern
    exec "$program" "$@" ;;
  test) run_tests "$@" ;;
  ci) CI=true exec bash ./do test ;;
  crash) run_crash "$@" ;;
  fuzz) run_fuzz "$@" ;;
  bench) run_bench "$@" ;;
  lint)
    restore Postern.slnx
    dotnet build --no-restore --no-incremental -c Release -v q Postern.slnx
    dotnet format Postern.slnx --no-restore --verify-no-changes ;;
  package) run_package ;;
  help | -h | --help) usage ;;
  *)
    echo "do: no command \"$command\"" >&2
    usage >&2
    exit 64 ;;
esac
