#!/bin/bash
# Training on several machines under SLURM that goes on after preemption, the death of a machine and
# the end of its time. It is submitted once, with the options of keisei-vec train behind it:
#
#   RUN_DIR=/shared/runs/a sbatch examples/slurm.sh --config configs/single_gpu.toml
#
# One task a machine starts torchrun, and that one process a GPU. The first machine alone needs
# RUN_DIR and the files that the options name; docs/cluster.md tells more.
#SBATCH --job-name=keisei
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@180
set -u

export KEISEI_PROCESSES=${SLURM_GPUS_ON_NODE:-1}
export KEISEI_PORT=${KEISEI_PORT:-29500}
KEISEI_FIRST=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export KEISEI_FIRST

# The number of a machine is known on the machine only.
# shellcheck disable=SC2016
srun --kill-on-bad-exit=1 bash -c 'exec torchrun \
  --nnodes "$SLURM_JOB_NUM_NODES" --node-rank "$SLURM_NODEID" --nproc-per-node "$KEISEI_PROCESSES" \
  --master-addr "$KEISEI_FIRST" --master-port "$KEISEI_PORT" \
  -m keisei.cli train "$@"' train --run-dir "$RUN_DIR" --resume auto "$@" &
step=$!

# Three minutes before the end of its time, and when it is preempted: a last checkpoint.
is_stopped=no
trap 'is_stopped=yes; kill -TERM "$step"' TERM
code=0
while :; do
  wait "$step"
  code=$?
  # A trap ends the wait, too.
  kill -0 "$step" 2>/dev/null || break
done

if [ "$is_stopped" = yes ] && [ "$code" -ne 0 ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
