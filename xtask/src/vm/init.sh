#!/bin/busybox sh
# The guest's first process: mounts what the cases need, runs them with their results on the second serial
# line, says how they ended, and switches the guest off.
/bin/busybox mkdir -p /usr/bin /usr/sbin /sbin
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
chmod 1777 /tmp
mount -t tracefs tracefs /sys/kernel/tracing
ip link set lo up
insmod /dummy.ko && ip link set dummy0 up
ln -s /proc/self/fd /dev/fd
exec >/dev/ttyS1 2>&1
export TRACER=/bin/tracer TRIGGER=/bin/trigger FUZZER=/bin/fuzzer CASES=/cases SCRIPTS=/scripts FEATURES='@FEATURES@'
export TOOLS=/tools TOOLS_TABLE=/tools.txt
[ -e /bin/bpftrace ] && export REFERENCE=/bin/bpftrace
@COMMAND@
echo "guest: finished with status $?"
poweroff -f
