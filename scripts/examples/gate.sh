#!/usr/bin/env bash
# A gate in plain shell for any CI system: two runs, one verdict, and the reports. You can run each line by
# hand.
set -uo pipefail
leakbench=${LEAKBENCH:-leakbench}
out=${1:-leakbench-out/gate}

"$leakbench" doctor || exit
# The gate below judges the runs, so their own exit codes do not matter here.
"$leakbench" --strategy random --cycles 100000 --out "$out/random" --report html,png
"$leakbench" --strategy warm-lru --cycles 100000 --out "$out/warm-lru" --report html,png
"$leakbench" gate "$out/random" "$out/warm-lru" --report junit,markdown --out "$out"
