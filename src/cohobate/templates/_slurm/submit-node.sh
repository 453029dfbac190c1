#!/bin/bash
# One node: its cores evaluate in worker processes. Submit it with: sbatch submit-node.sh
#SBATCH --job-name=cohobate
#SBATCH --nodes=1
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --output=cohobate-%j.out
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@30
##SBATCH --partition=debug
##SBATCH --account=m1234
#
# Take one # away from the lines that you need. A job that is put back after a node has failed (--requeue)
# continues where it was. cohobate stops by itself before the walltime ends; the signal (--signal) is for the case
# that it could not.

cd "${SLURM_SUBMIT_DIR:-.}" || exit 1
# module load python; source ~/my-environment/bin/activate

# cohobate reads SLURM_JOB_END_TIME. An older Slurm does not set it, but can be asked:
if [ -z "${SLURM_JOB_END_TIME:-}" ]; then
    end=$(squeue -h -j "${SLURM_JOB_ID:-0}" -o %e 2>/dev/null)
    [[ $end == [0-9]* ]] && export COHOBATE_WALLTIME_END=$end
fi

# In the background, for bash hears of signals only while it waits.
trap 'told=1; kill -TERM "$run" 2>/dev/null' TERM INT
cohobate run --engine processes &
run=$!
wait "$run"
code=$?
while [ -n "${told:-}" ]; do
    told=
    wait "$run"
    code=$?
done

if [ "$code" -eq 75 ]; then  # stopped before the goal, in good order
    echo "not finished; continue with: sbatch submit-node.sh"
    # sbatch submit-node.sh  # take the first # away to go on, job after job, until the goal is reached
fi
exit "$code"
