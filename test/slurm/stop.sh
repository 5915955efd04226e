#!/bin/sh
# Ends the Slurm that start.sh started in FOLDER.   usage: stop.sh FOLDER
for name in slurmd slurmctld munged; do
  pid=$(cat "$1/$name.pid" 2>/dev/null) || continue
  kill "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null
done
exit 0
