#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# on_qemu.sh DIR EXPECTATIONS: runs each guest in DIR on QEMU and compares with the table.
dir=$1
table=$2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
failures=0

while read -r guest harts devices input code passed last; do
    case $guest in '' | '#'*) continue ;; esac
    set -- -M virt -bios none -nographic -smp "$harts" -kernel "$dir/$guest.elf"
    case $devices in *blk*)
        truncate -s 1M "$scratch/disk"
        set -- "$@" -drive "if=none,id=disk,format=raw,file=$scratch/disk" \
            -device virtio-blk-device,drive=disk ;;
    esac
    case $devices in *rng*) set -- "$@" -device virtio-rng-device ;; esac
    [ "$input" = - ] && input=
    limit=120
    [ "$code" = stuck ] && limit=2 code=124
    printf '%b' "$input" |
        timeout $limit qemu-system-riscv64 "$@" -global virtio-mmio.force-legacy=false \
            >"$scratch/out" 2>/dev/null
    got=$?
    line=$(tr -d '\r' <"$scratch/out" | tail -n 1)
    count=$(grep -c '^PASS' "$scratch/out")
    [ "$passed" = - ] && passed=0
    verdict=ok
    [ $got = "$code" ] || verdict="exit $got, expected $code"
    [ "$count" -ge "$passed" ] || verdict="$count passed, expected $passed"
    # $last is a pattern.
    case $line in $last) ;; *) verdict="last line: $line" ;; esac
    [ "$verdict" = ok ] || failures=$((failures + 1))
    echo "$guest, harts $harts, devices $devices: $verdict"
done <"$table"
echo "$failures failed"
[ $failures = 0 ]
