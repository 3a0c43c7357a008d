#!/bin/sh
# Makes ./configure from configure.ac. Needs autoconf, automake and pkg-config.
set -eu
cd "$(dirname "$0")"

missing=
for pair in autoreconf:autoconf automake:automake pkg-config:pkg-config; do
	command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
	echo "autogen.sh: missing tools: apt-get install$missing" >&2
	exit 1
fi
mkdir -p build-aux
exec autoreconf --install --force --warnings=all "$@"
