#!/bin/bash
# One node: its cores evaluate in worker processes. Submit it with: qsub submit-node.sh
#PBS -N cohobate
#PBS -l select=1:ncpus=32
#PBS -l place=scatter:excl
#PBS -l walltime=04:00:00
#PBS -j oe
#PBS -r y
##PBS -l filesystems=home:eagle
##PBS -q debug
##PBS -A m1234
#
# Take one # away from the lines that you need. A job that is put back after a node has failed (-r y)
# continues where it was. cohobate stops by itself before the walltime ends; the signal of PBS is for the case
# that it could not.

cd "${PBS_O_WORKDIR:-.}" || exit 1
# module load python; source ~/my-environment/bin/activate

# PBS does not say when the job ends: from now on it has as long as it was granted, less 10 s.
granted=$(qstat -f "${PBS_JOBID:-0}" 2>/dev/null | sed -n 's/^ *Resource_List.walltime = //p')
IFS=: read -r hours minutes seconds <<<"${granted:-04:00:00}" # as above
export COHOBATE_WALLTIME_END=$(($(date +%s) + 10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds - 10))

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
    echo "not finished; continue with: qsub submit-node.sh"
    # qsub submit-node.sh  # take the first # away to go on, job after job, until the goal is reached
fi
exit "$code"
