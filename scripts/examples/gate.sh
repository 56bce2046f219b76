#!/usr/bin/env bash
# A gate in plain shell, for any CI system: two runs, one verdict, the report kept. Each step is a line
# that can be run by hand.
set -uo pipefail
leakbench=${LEAKBENCH:-leakbench}
out=${1:-leakbench-out/gate}

"$leakbench" doctor || exit
# What the run comes to is judged below: its own exit code is not the gate's.
"$leakbench" --strategy random --cycles 100000 --out "$out/random" --report html,png
"$leakbench" --strategy warm-lru --cycles 100000 --out "$out/warm-lru" --report html,png
"$leakbench" gate "$out/random" "$out/warm-lru" --report junit,markdown --out "$out"
