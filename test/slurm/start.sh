#!/bin/sh
# Starts a Slurm of one node (Debian's slurm-wlm and munge) in FOLDER, as root or as a user of one's own.
# Prints SLURM_CONF; FOLDER/*.pid name its processes, which stop.sh ends.   usage: start.sh FOLDER
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(hostname -s)
user=$(id -un)
cpus=$(nproc)
memory=$(awk '/MemTotal/ { print int($2 / 2048) }' /proc/meminfo)
# Two ports that are free now.
ports=$(node -e '
  const { createServer } = require("node:net");
  for (const server of [createServer(), createServer()])
    server.listen(0, "127.0.0.1", () => { console.log(server.address().port); setImmediate(() => server.close()); });
')

mkdir -p "$folder/state" "$folder/spool" "$folder/munge"
chmod 700 "$folder/munge"
dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 2>/dev/null
chmod 600 "$folder/munge/key"
# --force: the folder above may be one that everybody may write to.
/usr/sbin/munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
  --pid-file="$folder/munged.pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" 2>>"$folder/start.log"

cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$here(127.0.0.1)
SlurmctldPort=${ports%%[!0-9]*}
SlurmdPort=${ports##*[!0-9]}
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
GresTypes=gpu
NodeName=$here NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory Gres=gpu:1 State=UNKNOWN
PartitionName=test Nodes=$here Default=YES MaxTime=INFINITE State=UP
PartitionName=closed Nodes=$here MaxTime=INFINITE State=DOWN
CONF
# A device that is always there stands for a GPU.
echo "Name=gpu File=/dev/null" >"$folder/gres.conf"
echo "CgroupPlugin=cgroup/v1" >"$folder/cgroup.conf"

export SLURM_CONF="$folder/slurm.conf"
/usr/sbin/slurmctld 2>>"$folder/start.log"
/usr/sbin/slurmd -N "$here" 2>>"$folder/start.log"
tries=0
until sinfo --noheader --partition=test --format=%t 2>/dev/null | grep -q idle; do
  tries=$((tries + 1))
  # Twenty minutes, against hanging alone.
  if [ "$tries" -gt 6000 ]; then
    tail -n 20 "$folder/start.log" "$folder/slurmctld.log" "$folder/slurmd.log" >&2
    "$(dirname "$0")/stop.sh" "$folder"
    exit 1
  fi
  sleep 0.2
done
echo "SLURM_CONF=$folder/slurm.conf"
