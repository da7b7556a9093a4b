#!/bin/bash
# fuzz.sh SECONDS_EACH [NAME…]: runs the fuzz programs of build/fuzz, all or the named ones, one after another.
# New inputs stay in build/fuzz/found; one that breaks a property is kept as build/fuzz/crash-NAME-… and fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
seconds=$1 && shift
[ $# -gt 0 ] || mapfile -t -O 1 all < <(ls tests/fuzz/*_fuzz.cc | sed 's,.*/\(.*\)_fuzz.cc,\1,')
failed=0
for name in "${@:-${all[@]}}"; do
  found=build/fuzz/found/$name log=build/fuzz/$name.log
  mkdir -p "$found"
  build/fuzz/tests/fuzz/"${name}"_fuzz -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -print_final_stats=1 -artifact_prefix=build/fuzz/crash-"$name"- "$found" tests/fuzz/corpus/"$name" > "$log" 2>&1
  status=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  [ $status = 0 ] && echo "fuzz: $name: ${runs:-0} runs" && continue
  failed=1
  echo "fuzz: $name: FAILED after ${runs:-0} runs, see $log"
  grep -E 'ERROR|CHECK|SUMMARY|Test unit written' "$log"
done
exit $failed
