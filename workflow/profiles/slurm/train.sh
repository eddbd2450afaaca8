#!/bin/bash
# Train one seed of DINA on several GPUs or nodes: sbatch workflow/profiles/slurm/train.sh RESPONSES OUTPUT OPTIONS
# (options of `dina train`). One process a GPU, or one a node where there are none; edit what is asked for.
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=04:00:00
#SBATCH --output=train-%j.log
set -euo pipefail
head=${MASTER_ADDR:-$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)} # where the processes meet
srun torchrun --nnodes="$SLURM_NNODES" --nproc-per-node="${SLURM_GPUS_ON_NODE:-1}" --rdzv-id="$SLURM_JOB_ID" \
	--rdzv-backend=c10d --rdzv-endpoint="$head:${MASTER_PORT:-29500}" -m dina.cli train "$@"
