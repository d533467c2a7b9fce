#!/bin/sh
# chat-audit over small histories, each with one thing that happened: hostile
# ones are seen, by the invariants whose they are, and innocent ones are not.
. "$(dirname "$0")/tap.sh"
[ -x "$B/chat-audit" ] || { echo "Bail out!  $B/chat-audit is not built"; exit 1; }
exec python3 "$(dirname "$0")/audit_cases.py" "$B/chat-audit" "$dir"
