#!/bin/sh
# Asks kernels for the verdict of `tracer check`, each in a machine of its own: the test of a kernel bisection.
# See docs/howto-bisect-kernel.md.
#
#     scripts/kernel-verdict.sh [-t TRACER] [-f FILE]... [-m MIB] [-a ACCEL] [-s SECONDS] KERNEL... -- ARGUMENT...
set -u

trouble() {
    echo "kernel-verdict: $2" >&2
    exit "$1"
}

tracer=$(command -v tracer) || tracer=
files= memory=1024 accel=tcg,thread=single seconds=300
while getopts t:f:m:a:s: option; do
    case $option in
        t) tracer=$OPTARG ;;
        f) files="$files
$OPTARG" ;;
        m) memory=$OPTARG ;;
        a) accel=$OPTARG ;;
        s) seconds=$OPTARG ;;
        *) exit 193 ;;
    esac
done
shift $((OPTIND - 1))
# getopts takes a -- in front of the first kernel for its own: there must be a kernel.
kernels=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    kernels="$kernels${kernels:+
}$1"
    shift
done
[ -n "$kernels" ] && [ $# -gt 1 ] || trouble 193 "usage: kernel-verdict.sh [OPTION]... KERNEL... -- ARGUMENT..."
shift
[ -n "$tracer" ] && [ -r "$tracer" ] || trouble 195 "no tracer: give a static one with -t"
busybox=$(command -v busybox) || trouble 195 "busybox is missing (apt-get install busybox-static)"
qemu=$(command -v qemu-system-x86_64) || trouble 195 "qemu-system-x86_64 is missing (apt-get install qemu-system-x86)"

work=$(mktemp -d) || trouble 197 "no temporary directory"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# A word as a shell reads it back.
quoted() {
    printf "'%s' " "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

root=$work/root
mkdir -p "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/mnt" || trouble 197 "cannot write to $work"
cp "$busybox" "$root/bin/busybox" && cp "$tracer" "$root/bin/tracer" || trouble 197 "cannot copy the programs"
chmod +x "$root/bin/busybox" "$root/bin/tracer"
printf %s "$files" | while IFS= read -r file; do
    [ -z "$file" ] || { cp "$file" "$root/bin/" && chmod +x "$root/bin/${file##*/}"; } || exit 1
done || trouble 195 "cannot copy a file of -f"
{
    cat <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /usr/bin /usr/sbin /sbin
/bin/busybox --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t tracefs tracefs /sys/kernel/tracing
INIT
    printf 'tracer check --log /tmp/report '
    for word in "$@"; do quoted "$word"; done
    cat <<'INIT'
>/tmp/out 2>/tmp/err </dev/null
status=$?
{
    sed 's/^/err: /' /tmp/err
    sed 's/^/out: /' /tmp/out
    echo "status: $status"
} >/dev/ttyS1
poweroff -f
INIT
} >"$root/init"
chmod +x "$root/init"
(cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$work/initramfs" || trouble 197 "cannot make the initial file system"

# Boots one kernel; its status, and its line in $work/line.
ask() {
    : >"$work/said"
    [ -r "$1" ] || trouble 195 "no kernel $1"
    timeout -k 5 "$seconds" "$qemu" -accel "$accel" -cpu max -smp 2 -m "$memory" \
        -nodefaults -no-user-config -no-reboot -display none \
        -kernel "$1" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1" \
        -serial "file:$work/console" -serial "file:$work/said" </dev/null >/dev/null 2>&1
    tr -d '\r' <"$work/said" >"$work/lines"
    sed -n 's/^err: /  /p' "$work/lines" >&2
    status=$(sed -n 's/^status: //p' "$work/lines")
    if [ -z "$status" ]; then
        echo "unsure: the kernel did not come to an end of the check" >"$work/line"
        tail -n 5 "$work/console" 2>/dev/null | sed 's/^/  console: /' >&2
        return 125
    fi
    # What the command prints stands before the report.
    sed -n 's/^out: //p' "$work/lines" | tail -n 1 >"$work/line"
    return "$status"
}

before= verdict_before= in_all=0 count=0
while IFS= read -r kernel <&3; do
    count=$((count + 1))
    ask "$kernel"
    status=$?
    echo "$kernel: $(cat "$work/line")"
    case $status in
        0) verdict=good ;;
        1) verdict=bad ;;
        125) verdict=unsure ;;
        *) exit "$status" ;;
    esac
    if [ $verdict = unsure ]; then
        in_all=125
    else
        if [ -n "$before" ] && [ $verdict != "$verdict_before" ]; then
            echo "changes from $verdict_before to $verdict between $before and $kernel"
        fi
        before=$kernel verdict_before=$verdict
    fi
done 3<<KERNELS
$kernels
KERNELS
[ $count -eq 1 ] && exit "$status"
exit $in_all
