#!/usr/bin/env bash
# The Slurm engine against the real thing: a controller, a node and munge on this machine. 200 runs as
# an array, one task killed, submitted again; the table must be the one of the local engine.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-target/release/dlnflow}
program=$(realpath "$program")

if ! command -v slurmctld >/dev/null || ! command -v munged >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1; then
        echo "slurm: NOT TESTED, slurm-wlm and munge cannot be installed here"
        exit 0
    fi
fi
if [ "$(id -u)" != 0 ]; then
    echo "slurm: NOT TESTED, the daemons need root"
    exit 0
fi

work=$(mktemp -d)
host=$(hostname -s)
daemons=()
finish() {
    for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

mkdir -p "$work/state" "$work/spool" "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=128 count=1 status=none
chmod 700 "$work/munge"
chmod 400 "$work/munge/key"
# The folders above the socket must let others in.
chmod 755 "$work"
chmod 711 "$work/munge"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
    --pid-file="$work/munge/pid" --log-file="$work/munge/log" --seed-file="$work/munge/seed" \
    >"$work/munged.log" 2>&1 &
daemons+=($!)

cat > "$work/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CryptoType=crypto/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
ReturnToService=2
MpiDefault=none
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
export SLURM_CONF="$work/slurm.conf"
for _ in $(seq 50); do [ -S "$work/munge/socket" ] && break; sleep 0.1; done
slurmctld -D -c >"$work/out.log" 2>&1 & daemons+=($!)
sleep 1
slurmd -D -c >>"$work/out.log" 2>&1 & daemons+=($!)
for _ in $(seq 100); do sinfo -h -o %T 2>/dev/null | grep -q idle && break; sleep 0.2; done
sinfo -h -o %T | grep -q idle || { cat "$work"/*.log; echo "slurm: the node does not come up"; exit 1; }
echo "slurm: $(sinfo --version) with one node is up"

cat > "$work/sweep.toml" <<SWEEP
schema = 1
title = "Two hundred"
[base]
seed = 5
network = { widths = [20, 30, 20] }
cost = { kind = "squared_error", target = { singular_values = [3.0, 2.0, 1.0] } }
init = { kind = "gaussian", std = 1e-2 }
solver = { rtol = 1e-10, horizon = 30.0 }
[grid]
"init.std" = { log = [1e-2, 1e-4], count = 10 }
seed = { count = 20 }
SWEEP

wait_for_jobs() {
    for _ in $(seq 600); do [ -z "$(squeue -h -o %i 2>/dev/null)" ] && return; sleep 0.2; done
    squeue
    echo "slurm: jobs do not end"
    exit 1
}
submit() {
    "$program" sweep "$work/sweep.toml" --out "$work/array" --slurm --array-size 8 --json \
        --sbatch-args "--time=00:10:00 --ntasks=1" | sed -n 's/.*"job": "\([0-9]*\)".*/\1/p'
}

job=$(submit)
echo "slurm: submitted array $job"
for _ in $(seq 600); do
    finished=$(find "$work/array/runs" -mindepth 1 -maxdepth 1 -name '[0-9a-f]*' | wc -l)
    [ "$finished" -gt 2 ] && break
    sleep 0.02
done
scancel --signal=KILL --full "${job}_0"
wait_for_jobs
echo "slurm: one task killed; $("$program" sweep --status "$work/array")"
pending=$("$program" sweep --status "$work/array" --json | sed -n 's/.*"pending": \([0-9]*\).*/\1/p')
[ "$pending" -gt 0 ] || { echo "slurm: the killed task lost nothing, the test shows nothing"; exit 1; }
job=$(submit)
wait_for_jobs
echo "slurm: submitted again as $job; $("$program" sweep --status "$work/array")"
cat "$work"/array/slurm/*.log

"$program" sweep "$work/sweep.toml" --out "$work/local" --quiet
"$program" collect "$work/array" --quiet
"$program" collect "$work/local" --quiet
for table in table.csv table.parquet; do
    cmp "$work/array/$table" "$work/local/$table"
done
rows=$(($(wc -l < "$work/array/table.csv") - 1))
[ "$rows" = 4000 ] || { echo "slurm: $rows rows instead of 4000"; exit 1; }
echo "slurm: the table of the array and of the local engine are the same, $rows rows"
