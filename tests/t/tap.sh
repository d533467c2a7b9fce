# shellcheck shell=sh
# tests/t/tap.sh - what the program tests in sh share; read with ".": $B, a
# directory $dir of their own that goes with them, and TAP.
B=${B:-build}
n=0
dir=$(mktemp -d) || exit 111
trap 'rm -rf "$dir"' EXIT

# ok CODE WHAT: CODE is 0
ok() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
	fi
}

# is WHAT GOT WANT
is() {
	[ "$2" = "$3" ]
	ok $? "$1"
	[ "$2" = "$3" ] || printf 'got:  %s\nwant: %s\n' "$2" "$3" | sed 's/^/# /'
}

# says WHAT TEXT: the last run's words, $dir/out and $dir/err, hold it
says() {
	grep -qF -- "$2" "$dir/out" "$dir/err"
	missing=$?
	ok $missing "$1"
	[ $missing = 0 ] || sed 's/^/# /' "$dir/err"
}
