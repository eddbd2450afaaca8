#!/bin/sh
# Print running, success or failed for a job: status.sh ID
# The line with `squeue` is the scheduler's: the ids of all jobs that wait or run, or an error if it gives no answer.
listed=$(squeue --me --noheader --format=%i) || { echo running; exit; }  # asked again later
if printf '%s\n' "$listed" | grep -qx "$1"; then
	echo running
	exit
fi
for _ in 1 2 3 4 5 6 7 8 9 10; do # seconds until a shared file system shows here what the job wrote there
	[ -s "logs/cluster/$1.exit" ] && break
	sleep 1
done
[ "$(cat "logs/cluster/$1.exit" 2>/dev/null)" = 0 ] && echo success || echo failed
