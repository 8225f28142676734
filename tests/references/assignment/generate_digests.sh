#!/bin/sh
# Digests of salt and unit by coreutils. Run: sh generate_digests.sh > digests.json
row() {
  head=$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)
  hex=$(printf '%s%s' "$head" "$2" | sha256sum | cut -c1-16)
  printf '    {"salt": "%s", "unit": "%s", "hex": "%s"}' "$1" "$2" "$hex"
}
printf '{\n  "inputs": {"formula": "first 16 digits of sha256(sha256(salt) || unit)"},\n  "expected": [\n'
first=1
for salt in "2026Q4" "冬季唤醒" "a b"; do
  for unit in "7" "p1" "C0000001" "客户42" " 7" "07" "😀"; do
    [ $first = 1 ] || printf ',\n'
    first=0
    row "$salt" "$unit"
  done
done
printf '\n  ],\n  "rtol": 0,\n  "atol": 0,\n  "source": "GNU coreutils sha256sum 9.1, 2026-11-22"\n}\n'
