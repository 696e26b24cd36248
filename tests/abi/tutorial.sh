#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# tutorial.sh BUILD DIR: builds and runs what docs/WRITING-A-CONNECTOR.md shows,
# in DIR, against an SDK laid out there as `make install` lays it out. Each C
# block that begins with "/* name.c: " becomes that file; the commands are those
# of the page, with the compiler ($CC) and, where the libraries are built with
# another one, the sanitizer ($SANITIZE) replaced.
set -eu
src=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
dir=$2
page=$src/docs/WRITING-A-CONNECTOR.md

mkdir -p "$dir/sdk/lib/pkgconfig" "$dir/sdk/lib/leat/plugins"
ln -sfn "$src/sdk/include" "$dir/sdk/include"
ln -sfn "$build/lib/libleat.a" "$dir/sdk/lib/libleat.a"
ln -sfn "$build/lib/libtestkit.a" "$dir/sdk/lib/libleat-testkit.a"
for pc in leat leat-testkit; do
	sed -e "s|@PREFIX@|$dir/sdk|" -e 's|@VERSION@|0|' \
		"$src/sdk/$pc.pc.in" >"$dir/sdk/lib/pkgconfig/$pc.pc"
done
export PKG_CONFIG_PATH="$dir/sdk/lib/pkgconfig"
cd "$dir"

awk '
/^```c$/ { want = 1; next }
/^```/ { file = want = 0; next }
want && /^\/\* [a-z_]*\.c: / { file = $2; sub(/:$/, "", file) }
want { want = 0 }
file { print > file }
' "$page"

# The commands of the page, each to the blank line or the end of its block.
commands() {
	awk '/^```sh$/ { on = 1; next } /^```/ { on = 0 } on' "$page" |
		awk -v first="$1" '
		$0 ~ first { on = 1 }
		on { print }
		on && !/\\$/ { exit }' |
		sed "s/^cc /${CC:-cc} /
			s/-fsanitize=address,undefined/${SANITIZE:-&}/"
}

strict='-Wall -Wextra -Werror'
sh -ec "$(commands '^cc .*-shared') $strict"
sh -ec "$(commands '^cc .*-shared' | sed 's/lines/spool/g') $strict"
sh -ec "$(commands '^cc .*-shared' | sed 's/lines/point/g') $strict"
sh -ec "$(commands '^cc .*-g ') $strict"
[ "$(nm -D --defined-only leat-lines.so | wc -l)" = 1 ]
[ "$(nm -D --defined-only leat-spool.so | wc -l)" = 1 ]
./test_lines
