#!/bin/sh
# chat-token against openssl: tokens that openssl signed are judged rightly,
# tokens that chat-token signed are the very ones that openssl would sign.
# shellcheck source=tests/t/tap.sh
. "$(dirname "$0")/tap.sh"
token=$B/chat-token

b64url() {
	openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# sign DIGEST HEADER PAYLOAD [SECRET]: a token as openssl makes it
sign() {
	text=$(printf %s "$2" | b64url).$(printf %s "$3" | b64url)
	printf %s "$text.$(printf %s "$text" |
		openssl dgst "-$1" -hmac "${4:-$secret}" -binary | b64url)"
}

# judged TOKEN [OPTION..]: what check says, and its exit code
judged() {
	text=$1
	shift
	printf %s "$text" | "$token" check "$@" 2>&1
	echo "$?"
}

said_by() {
	printf '%s\n%s' "$1" "$2"
}

# refused WHAT TOKEN WHY [OPTION..]
refused() {
	what=$1 text=$2 why=$3
	shift 3
	is "$what" "$(judged "$text" "$@")" "$(said_by "chat-token: $why" 1)"
}

echo 1..55

secret=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_
printf '%s\n' "$secret" >"$dir/secret"
chmod 600 "$dir/secret"
CHAT_JWT_SECRET_FILE=$dir/secret
export CHAT_JWT_SECRET_FILE
now=$(date +%s)
good="{\"sub\":\"7\",\"exp\":$((now + 600))}"

# ---- openssl's tokens
for size in 256 384 512; do
	is "HS$size of openssl is accepted, its payload printed" \
		"$(judged "$(sign sha$size "{\"alg\":\"HS$size\"}" "$good")")" \
		"$(said_by "$good" 0)"
done
right=$(sign sha256 '{"alg":"HS256"}' "$good")
is "'Bearer ' and white space are let pass" \
	"$(judged "  bearer   $right
")" "$(said_by "$good" 0)"
refused "J-01 nothing" "" "token is empty"
refused "J-01 'Bearer ' only" "Bearer " "token is empty"
refused "J-01 no token at all" "hello" "token does not have three parts"
for alg in none None nOnE hs256 RS256 ES256 EdDSA; do
	refused "J-02 alg $alg" "$(sign sha256 "{\"alg\":\"$alg\"}" "$good")" \
		"token's alg is not one of the key's"
done
refused "J-02 alg none without a signature" \
	"$(printf %s '{"alg":"none"}' | b64url).$(printf %s "$good" | b64url)." \
	"token's alg is not one of the key's"
refused "J-02 no signature" "${right%.*}." "signature is wrong"
refused "HS512 named, HS256 signed" \
	"$(sign sha256 '{"alg":"HS512"}' "$good")" "signature is wrong"
refused "crit" "$(sign sha256 '{"alg":"HS256","crit":["x"]}' "$good")" \
	"token's header has crit"
is "J-10 jku, x5u and jwk are not looked at" "$(judged "$(sign sha256 \
	'{"alg":"HS256","jku":"http://127.0.0.1:1/k","x5u":"file:///x","jwk":{}}' \
	"$good")")" "$(said_by "$good" 0)"

claims() {
	refused "$1" "$(sign sha256 '{"alg":"HS256"}' "$2")" "$3"
}
claims "J-06 expired" "{\"sub\":7,\"exp\":$((now - 6))}" "token has expired"
claims "J-06 no exp" '{"sub":7}' "token has no exp"
claims "J-06 exp as text" '{"sub":7,"exp":"2000000000"}' "token's exp is no time"
claims "J-06 exp 2^63" '{"sub":7,"exp":9223372036854775808}' \
	"token's exp is no time"
claims "J-06 exp negative" '{"sub":7,"exp":-1}' "token's exp is no time"
claims "J-06 exp a fraction" '{"sub":7,"exp":2000000000.5}' \
	"token's exp is no time"
claims "J-07 nbf in the future" \
	"{\"sub\":7,\"exp\":$((now + 600)),\"nbf\":$((now + 60))}" \
	"token is not valid yet"
claims "J-07 iat in the future" \
	"{\"sub\":7,\"exp\":$((now + 600)),\"iat\":$((now + 60))}" \
	"token's iat is in the future"
claims "sub no number" "{\"sub\":\"kim\",\"exp\":$((now + 600))}" \
	"token's sub is no user id"
claims "a claim twice" "{\"sub\":7,\"sub\":8,\"exp\":$((now + 600))}" \
	"token's payload is no JSON object"
refused "J-08 no iss" "$right" "token's iss is not 'login'" --issuer login
refused "J-08 no aud" "$right" "token's aud is not 'chat'" --audience chat
refused "J-22 no such claim" "$right" "token has no claim 'auth'" --claim auth
refused "another secret's" "$(sign sha256 '{"alg":"HS256"}' "$good" \
	another-secret-another-secret-another)" "signature is wrong"
! judged "$right" --claim secretly | grep -qF "${right##*.}"
ok $? "a refusal does not repeat the token"
head -c 1000000 /dev/zero | tr '\0' a | "$token" check 2>"$dir/err"
is "a megabyte: 1" "$? $(cat "$dir/err")" "1 chat-token: token is over 8192 bytes"

# ---- our tokens
minted=$("$token" -u 7 -T 600)
body=$(printf %s "$minted" | "$token" check)
is "what we mint is what openssl signs" "$minted" \
	"$(sign sha512 '{"alg":"HS512","typ":"JWT"}' "$body")"
printf %s "$body" | grep -Eq \
	'^\{"sub":"7","auth":"ROLE_USER","iat":[0-9]+,"exp":[0-9]+\}$'
ok $? "with sub, auth, iat and exp"
iat=$(printf %s "$body" | sed 's/.*"iat":\([0-9]*\).*/\1/')
exp=$(printf %s "$body" | sed 's/.*"exp":\([0-9]*\).*/\1/')
is "valid for -T seconds" "$((exp - iat))" 600
[ "$iat" -ge "$now" ] && [ "$iat" -le "$((now + 60))" ]
ok $? "from now on"
is "-T takes a unit" "$("$token" -u 7 -T 2d | "$token" check |
	sed 's/.*"iat":\([0-9]*\),"exp":\([0-9]*\).*/\2 \1/' |
	{ read -r e i; echo $((e - i)); })" 172800
is "claims as text and as JSON, ours replaced" "$("$token" -u 7 \
	--claim 'auth=a "b"=c' --claim 'n:=[1,{"x":null}]' --claim iat:=5 \
	--claim exp:=4000000000 --issuer login --audience chat |
	"$token" check --issuer login --audience chat --claim n --claim auth)" \
	'{"sub":"7","iss":"login","aud":"chat","auth":"a \"b\"=c","n":[1,{"x":null}],"iat":5,"exp":4000000000}'
"$token" --claim sub=9 | "$token" check | grep -q '"sub":"9"'
ok $? "sub as a claim needs no -u"
is "options before the word check" "$(printf %s "$right" |
	"$token" --claim auth check 2>&1)" "chat-token: token has no claim 'auth'"
printf 'base64:%s\n' "$(printf %s "$secret" | openssl base64 -A)" \
	>"$dir/encoded"
chmod 600 "$dir/encoded"
is "a secret in base64 is the same secret" \
	"$(judged "$right" --jwt-secret "$dir/encoded")" "$(said_by "$good" 0)"

# ---- wrong use: 100
wrong() {
	what=$1 why=$2
	shift 2
	"$token" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	is "$what: 100" "$? $(head -1 "$dir/err") $(cat "$dir/out")" \
		"100 chat-token: $why "
}
wrong "no -u" "option '-u' is missing"
wrong "-u 0" "'0' for option 'user' is not in 1..9007199254740992" -u 0
wrong "an unknown word" "what is 'mint'?" -u 7 mint
wrong "a claim without =" "claim 'x' is no NAME=TEXT" -u 7 --claim x
wrong "a claim twice" "a claim is given twice" -u 7 --claim x=1 --claim x=2
"$token" -u 7 --claim x:=tru >"$dir/out" 2>"$dir/err"
is "a claim that is no JSON: 100" "$? $(sed 's/tru.: .*/tru/' "$dir/err")" \
	"100 chat-token: claim 'x:=tru"
chmod 604 "$dir/secret"
wrong "a secret that others may read" \
	"'$dir/secret' may be read by others: chmod o-rwx" -u 7
chmod 600 "$dir/secret"
printf '%s\n' 0123456789abcdef0123456789abcde >"$dir/weak"
chmod 600 "$dir/weak"
wrong "J-14 a secret of 31 bytes" \
	"'$dir/weak': secret has 31 bytes, at least 32 are needed" \
	-u 7 --jwt-secret "$dir/weak"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null |
	openssl pkey -pubout >"$dir/pem" 2>/dev/null
chmod 600 "$dir/pem"
wrong "J-03 a public key as a secret" \
	"'$dir/pem': a PEM is no shared secret" -u 7 --jwt-secret "$dir/pem"
unset CHAT_JWT_SECRET_FILE
wrong "no secret" "no --jwt-secret, and no \$CHAT_JWT_SECRET_FILE" -u 7
CHAT_JWT_SECRET_FILE=$dir/secret
export CHAT_JWT_SECRET_FILE
if [ -e /dev/full ]; then
	"$token" -u 7 >/dev/full 2>"$dir/err"
	is "a full disk: 111" "$?" 111
else
	ok 0 "a full disk: 111 # SKIP no /dev/full"
fi
