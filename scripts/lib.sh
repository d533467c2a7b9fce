# shellcheck shell=sh disable=SC2034
# scripts/lib.sh - what up, down, status and test have in common. It is read
# by them with ".", never run. The place, the ports, messages, packages.

# The checkout (tests, which lie elsewhere, are told it by scripts/test), and
# this stack's place: all state is below CHAT_HOME.
ROOT=${CHAT_ROOT:-$(cd "$(dirname "$0")/.." && pwd -P)}
HOME_GIVEN=${CHAT_HOME:+yes}
CHAT_HOME=${CHAT_HOME:-$ROOT/run}
case $CHAT_HOME in
/*) ;;
*) CHAT_HOME=$PWD/$CHAT_HOME ;;
esac
# Ports, and how many stores: as given, else as the last time, else the usual.
last_settings=$(cat "$CHAT_HOME/settings" 2>/dev/null)
set_settings()
{
	CHAT_PORT=${CHAT_PORT:-${1:-8080}}
	CHAT_KAFKA_PORT=${CHAT_KAFKA_PORT:-${2:-9092}}
	CHAT_PG_PORT=${CHAT_PG_PORT:-${3:-5433}}
	CHAT_STORE_PROCS=${CHAT_STORE_PROCS:-${4:-3}}
}
# shellcheck disable=SC2086 # four words, or none
set_settings $last_settings
settings="$CHAT_PORT $CHAT_KAFKA_PORT $CHAT_PG_PORT $CHAT_STORE_PROCS"
BUILD=${B:-$ROOT/build}
JARS=$ROOT/run/jars
LOGS=$CHAT_HOME/log
SUPERVISOR_CONF=$ROOT/examples/supervisord.conf
SELF=$(basename "$0")

# The programs under supervisord, in their order of start; the engines first.
ENGINES='kafka postgresql'
PROGRAMS='broadcast outcomes store:* produce api edge'
# The status files that must say "ready", one a process of ours; as many stores
# as were started.
STATUS_FILES='consume-broadcast broadcast consume-outcomes outcomes'
started=${last_settings##* }
k=0
# (check_home() tells of what is no number.)
while [ $k -lt "${started:-$CHAT_STORE_PROCS}" ] 2>/dev/null; do
	STATUS_FILES="$STATUS_FILES consume-store-$k store-$k"
	k=$((k + 1))
done
STATUS_FILES="$STATUS_FILES produce api edge"

# die WORDS.. - one sentence to stderr, exit 111 (try again) or DIE_CODE.
die()
{
	printf '%s: %s\n' "$SELF" "$*" >&2
	exit "${DIE_CODE:-111}"
}

# usage_error WORDS.. - what only the caller can put right: exit 100.
usage_error()
{
	DIE_CODE=100 die "$@"
}

say()
{
	printf '%s: %s\n' "$SELF" "$*"
}

# Seconds since the epoch, with a fraction where date has one.
now()
{
	date +%s.%N | cut -c1-14
}

since()
{
	awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }'
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "needs root to run '$*', and there is no sudo"
	fi
}

# as_pg CMD.. - as the user that owns the database: postgres where we are root
# (PostgreSQL refuses to run as root), else ourselves. From /, which every user
# can enter.
as_pg()
{
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

pg_user()
{
	if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# The newest PostgreSQL's programs; empty where there is none.
pg_bin()
{
	for d in /usr/lib/postgresql/*/bin; do
		[ -x "$d/postgres" ] && echo "$d"
	done | sort -V | tail -1
}

check_home()
{
	case $CHAT_HOME in
	*[!A-Za-z0-9/_.+-]*)
		usage_error "the path '$CHAT_HOME' holds a character other than" \
			"letters, digits and /_.+-; choose another place:" \
			"CHAT_HOME=$(other_home) ./scripts/$SELF"
		;;
	esac
	if [ ${#CHAT_HOME} -gt 80 ]; then
		usage_error "the path '$CHAT_HOME' has ${#CHAT_HOME} bytes; over" \
			"80 the sockets below it have no room for their names;" \
			"choose another place:" \
			"CHAT_HOME=$(other_home) ./scripts/$SELF"
	fi
	for port in "$CHAT_PORT" "$CHAT_KAFKA_PORT" "$CHAT_PG_PORT"; do
		case $port in
		'' | *[!0-9]* | ??????*)
			usage_error "'$port' is no port number"
			;;
		esac
	done
	case $CHAT_STORE_PROCS in
	[1-9] | [1-9][0-9]) ;;
	*) usage_error "CHAT_STORE_PROCS is '$CHAT_STORE_PROCS', not 1 to 99" ;;
	esac
}

# A place that works where the checkout's own does not.
other_home()
{
	if [ "$(id -u)" = 0 ]; then
		echo /var/lib/chat
	elif [ ${#HOME} -lt 70 ]; then
		echo "$HOME/.chat"
	else
		echo "/var/tmp/chat-$(id -u)"
	fi
}

# first_closed_dir PATH USER - the first directory of PATH that USER cannot
# pass through; nothing where all are open. What is not there yet is ours to
# make.
first_closed_dir()
{
	walk=
	rest=${1#/}
	while [ -n "$rest" ]; do
		walk=$walk/${rest%%/*}
		case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
		[ -d "$walk" ] || return 0
		if ! (cd / && runuser -u "$2" -- test -x "$walk"); then
			echo "$walk"
			return 0
		fi
	done
}

# A process of this stack: supervisord and all below it carry the mark in
# their environment. It is not exported to the shells of people (env has it
# not), so that nothing else is ever taken for one.
marked()
{
	grep -lzxF "CHAT_STACK_MARK=$CHAT_HOME" /proc/[0-9]*/environ \
		2>/dev/null | cut -d/ -f3
}

# PostgreSQL writes its own environment over; its pid file has it.
postmaster_pid()
{
	pid=$(head -1 "$CHAT_HOME/pg/postmaster.pid" 2>/dev/null) || return 0
	[ -n "$pid" ] && [ -d "/proc/$pid" ] || return 0
	tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
		grep -qF "$CHAT_HOME/pg" && echo "$pid"
	return 0
}

# supervisord of this stack: "yes" where it answers.
supervised()
{
	[ -S "$CHAT_HOME/supervisor.sock" ] &&
		ctl pid >/dev/null 2>&1
}

ctl()
{
	supervisorctl -s "unix://$CHAT_HOME/supervisor.sock" "$@"
}

# installed PACKAGE.. - prints those that are not installed.
missing()
{
	have=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' "$@" \
		2>/dev/null | awk '$2 == "ii" { print $1 }')
	for p in "$@"; do
		echo "$have" | grep -qx "$p" || echo "$p"
	done
}

# packages PACKAGE.. - installs what is missing. "command:package" is missing
# only where neither is there: a Java or a node of another source will do.
packages()
{
	want=
	for p in "$@"; do
		case $p in
		*:*) command -v "${p%%:*}" >/dev/null 2>&1 || want="$want ${p#*:}" ;;
		*) want="$want $p" ;;
		esac
	done
	# shellcheck disable=SC2086 # a list of words
	want=$([ -z "$want" ] || missing $want)
	[ -n "$want" ] || return 0
	command -v apt-get >/dev/null 2>&1 ||
		usage_error "this is no Debian; needed are:" "$(echo "$want" |
			tr '\n' ' ')"
	say "installing $(echo "$want" | tr '\n' ' ')"
	mkdir -p "$LOGS"
	apt "$LOGS/apt.log" update
	# shellcheck disable=SC2086
	apt "$LOGS/apt.log" install --no-install-recommends $want
}

apt()
{
	log=$1
	shift
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 </dev/null ||
		die "apt-get $1 failed; its words are in $log"
}

# taken PORT - who listens on it, as "java (pid 7)"; nothing where it is free.
taken()
{
	who=$(ss -Hltnp "sport = :$1" 2>/dev/null) || return 0
	[ -n "$who" ] || return 0
	pid=$(echo "$who" | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | head -1)
	if [ -z "$pid" ]; then
		echo "a process of another user"
	else
		printf "pid %s, '%s'\n" "$pid" \
			"$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-60 |
				sed 's/ *$//')"
	fi
}

# wait_until SECONDS CMD.. - 0 as soon as CMD succeeds; 1 when time is up.
wait_until()
{
	until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$until" ] || return 1
		sleep 0.1
	done
}
