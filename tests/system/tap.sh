# shellcheck shell=sh
# tests/system/tap.sh - TAP for the tests in sh; read with ".".

tap_count=0

# ok NAME CMD.. - one test: CMD succeeds. Its words are not ours.
ok()
{
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@" >/dev/null 2>&1; then
		echo "ok $tap_count - $tap_name"
	else
		echo "not ok $tap_count - $tap_name"
		echo "# failed: $*" | head -c 2000 | sed '2,$s/^/# /'
		echo
	fi
}

done_testing()
{
	echo "1..$tap_count"
}
