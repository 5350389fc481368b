#!/bin/sh
# What both scripts do: count the nodes, put the command, ask again and again what has become of it.
# Exits 0 success, 1 failed, 2 not all completed, 101 too few nodes. It asks more often than callers in the wild.
set -u
export ETCDCTL_API=3
get() { etcdctl --endpoints="$ENDPOINT" get "$@"; }
field() { get "/kibishii/ops/$op" --print-value-only | jq -r ".$1"; }

cmd=$1 levels=$2 dirs=$3 files=$4 length=$5 block=$6 pass=$7 nodes=$8
op=$(date +%s)
while [ -n "$(get "/kibishii/ops/$op" --keys-only)" ]; do op=$((op + 1)); done

tries=0
while [ "$(get /kibishii/nodes/ --prefix | grep -c '^/kibishii/nodes/')" -lt "$nodes" ]; do
	tries=$((tries + 1))
	[ $tries -lt 10 ] || exit 101
	sleep 0.1
done

echo "{\"opID\":\"$op\",\"cmd\":\"$cmd\",\"levels\":\"$levels\",\"dirsPerLevel\":\"$dirs\",\"filesPerLevel\":\"$files\",\"fileLength\":\"$length\",\"blockSize\":\"$block\",\"passNum\":\"$pass\"}" |
	etcdctl --endpoints="$ENDPOINT" put /kibishii/control

tries=0
status=
while [ "$status" = "" ] || [ "$status" = running ]; do
	tries=$((tries + 1))
	[ $tries -lt 600 ] || exit 2
	sleep 0.1
	status=$(field status)
	echo "completed: $(field nodesCompleted), status: $status"
done
get "/kibishii/results/$op/" --prefix
[ "$status" = success ] || exit 1
[ "$(field nodesCompleted)" -ge "$nodes" ] || exit 2
for node in $(field nodesSuccessful | tr , ' '); do
	[ "$(get "/kibishii/results/$op/$node" --print-value-only | jq .completed)" = true ] || exit 2
done
