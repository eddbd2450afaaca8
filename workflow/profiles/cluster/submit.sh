#!/bin/sh
# Submit one job and print its id: submit.sh THREADS MEM_MB RUNTIME_MIN GPUS JOBSCRIPT
# The line with `sbatch` and SLURM_JOB_ID are the scheduler's; docs/cluster.md lists those of others.
set -eu
mkdir -p logs/cluster
[ "$4" = 0 ] && gpus= || gpus="--gpus=$4"
sbatch --parsable --no-requeue --ntasks=1 --cpus-per-task="$1" --mem="$2" --time="$3" $gpus --output=logs/cluster/%j.log <<END
#!/bin/sh
sh "$5"
code=\$?
echo \$code > "logs/cluster/\$SLURM_JOB_ID.exit"
exit \$code
END
