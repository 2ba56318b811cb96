#!/bin/sh
# Takes out of a virtual environment, for an image, what no running program of ours reads: tests, compiled modules, what translations are made from, types, a compiler of schemas, and what
# reads AVIF pictures (Pillow goes without; we draw PNG).
set -eu
packages=$(echo "$1"/lib/python3*/site-packages)

"$1/bin/python" -m pip uninstall -y -q setuptools
for folder in "$packages/twisted" "$packages/autobahn"; do
    [ ! -d "$folder" ] || find "$folder" -type d -name test -prune -exec rm -rf {} +
done
find "$1" -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -rf {} +
find "$packages" -type f \( -name '*.po' -o -name '*.pyi' \) -delete
rm -rf "$packages"/autobahn/_flatc/bin "$packages"/PIL/_avif.* "$packages"/pillow.libs/libavif-*
