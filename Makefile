# The map: which program is made of which of our rooms (lib/), and links which
# outside library. `make help` lists the targets.

CC      = gcc
CFLAGS  = -O2 -g
LDFLAGS =
PREFIX  = /usr/local
T       = 60
B       = build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))

comma := ,
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wcast-qual \
       -Wno-unused-parameter -Wno-variadic-macros \
       -Wno-gnu-zero-variadic-macro-arguments
PG_CFLAGS := -I$(shell pg_config --includedir)
ALL_CFLAGS = -std=gnu11 $(WARN) $(if $(WERROR),-Werror) -fno-common -fstack-protector-strong \
	-D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib $(PG_CFLAGS) -MMD -MP $(CFLAGS) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_LDFLAGS = $(LDFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE))
VERSION := $(shell cat VERSION)

# program            = our rooms, in link order, then the outside libraries
LOW                  = json io base
chat-produce.link    = run kafka serve flow wire $(LOW) -lrdkafka -luv
chat-consume.link    = run kafka serve flow wire $(LOW) -lrdkafka -luv
chat-store.link      = store pg wire $(LOW) -lpq
chat-broadcast.link  = serve wire $(LOW) -luv
chat-ws-edge.link    = edge serve flow wire proto auth $(LOW) -lwebsockets -lcrypto -luv
chat-api.link        = api pg serve wire $(LOW) -lpq -luv
chat-rooms.link      = api wire $(LOW)
chat-dlq-replay.link = dlq kafka flow wire $(LOW) -lrdkafka
chat-topics.link     = kafka $(LOW) -lrdkafka
chat-token.link      = auth $(LOW) -lcrypto
chat-connect.link    = client flow proto auth $(LOW) -lcrypto -luv
chat-audit.link      = audit kafka pg wire $(LOW) -lrdkafka -lpq
chat-bench.link      = client flow proto auth $(LOW) -lcrypto -luv -lm

PROGS := $(patsubst cmd/%.c,%,$(wildcard cmd/chat-*.c))
ROOMS := $(notdir $(patsubst %/,%,$(dir $(wildcard lib/*/*.c))))
ROOMS := $(sort $(ROOMS))
HEADERS := $(wildcard lib/*/*.h)

# The script among the programs, and their manuals where man(1) looks beside a
# directory of PATH: so what a page says can be typed in a checkout.
PAGES := $(foreach m,$(notdir $(wildcard man/*.[17])),man$(subst .,,$(suffix $m))/$m)

all: $(PROGS:%=$B/%) $B/alert-slack $(PAGES:%=$B/man/%)

$B/alert-slack: scripts/alert-slack
	@install -D -m 755 $< $@
$B/man/man1/% $B/man/man7/%: man/%
	@install -D -m 644 $< $@

# A room is an archive; a program takes what it needs of it.
define room
$B/lib$1.a: $(patsubst %.c,$B/%.o,$(wildcard lib/$1/*.c))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room,$r)))

archives = $(foreach r,$(filter-out -%,$1),$(if $(filter $r,$(ROOMS)),$B/lib$r.a))
define program
$B/$1: $B/cmd/$1.o $(call archives,$($1.link))
	@echo "LD $$@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $$@ $$^ $(filter -l%,$($1.link)) -lbsd
endef
$(foreach p,$(PROGS),$(eval $(call program,$p)))

# The .d files say $B themselves: whoever builds with another spelling of the
# same folder still rebuilds what a header has changed.
$B/%.o: %.c VERSION
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(ALL_CFLAGS) -MT '$$B/$*.o' -c -o $@ $<

# tests/unit/test-X.c; a comment in its first lines, "links: ROOMS -lLIBS",
# says what it is linked to besides cmocka. --wrap-F: calls of F come to the
# test's __wrap_F (ld(1)); OOM: those of malloc and its kin (oom.h).
UNITS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test-*.c))
OOM = malloc calloc realloc strdup free
unit_wrap = $(addprefix -Wl$(comma)--wrap=,$(patsubst --wrap-%,%,$(filter --wrap-%,$1)) \
	$(if $(filter OOM,$1),$(OOM)))
comma = ,
unit_link = $(shell sed -n 's/.*links: *\([^*]*\).*/\1/p;10q' tests/unit/$1.c) $(LOW)
define unit
$B/tests/$1: $B/tests/unit/$1.o $(call archives,$(call unit_link,$1))
	@echo "LD $$@"
	@mkdir -p $$(@D)
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $$@ $$^ $(call unit_wrap,$(call unit_link,$1)) $(filter -l%,$(call unit_link,$1)) -lcmocka -lbsd
endef
$(foreach u,$(UNITS),$(eval $(call unit,$u)))
units: $(UNITS:%=$B/tests/%)

check-unit: units
	@CMOCKA_MESSAGE_OUTPUT=TAP prove -e '' $(UNITS:%=$B/tests/%)

# What needs no broker and no database.
check: all units $B/tests/sim
	@B=$(abspath $B) ./scripts/check

# The objects of the programs in a world that goes wrong at random. sim-rules is
# the same with rules that can be switched off (lib/base/rule.h).
SIM_C := $(wildcard tests/sim/*.c)
SIM_ROOMS = store flow wire $(LOW)
SIM_LINK = @echo "LD $@"; mkdir -p $(@D); $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lbsd

$B/tests/sim: $(SIM_C:tests/%.c=$B/%.o) $(call archives,$(SIM_ROOMS))
	$(SIM_LINK)
$B/tests/sim-rules: $(SIM_C:%.c=$B/rules/%.o) $B/rules/rooms.a
	$(SIM_LINK)
$B/rules/rooms.a: $(patsubst %.c,$B/rules/%.o,$(foreach r,$(SIM_ROOMS),$(wildcard lib/$r/*.c)))
	@rm -f $@
	@ar rcs $@ $^
$B/sim/%.o: tests/sim/%.c VERSION
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(ALL_CFLAGS) -MT '$$B/sim/$*.o' -c -o $@ $<
$B/rules/%.o: %.c VERSION
	@mkdir -p $(@D)
	@echo "CC $< (rules)"
	@$(CC) $(ALL_CFLAGS) -DCHAT_RULES -MT '$$B/rules/$*.o' -c -o $@ $<
sim: $B/tests/sim $B/tests/sim-rules

# libFuzzer, T seconds for each harness in tests/fuzz, beginning with its corpus.
fuzz:
	@./scripts/fuzz $(T)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man \
		$(DESTDIR)$(PREFIX)/share/chat/sql $(DESTDIR)$(PREFIX)/share/chat/examples
	install -m 755 $(PROGS:%=$B/%) $B/alert-slack $(DESTDIR)$(PREFIX)/bin
	cp -R $B/man/. $(DESTDIR)$(PREFIX)/share/man
	install -m 644 sql/*.sql $(DESTDIR)$(PREFIX)/share/chat/sql
	install -m 644 examples/* $(DESTDIR)$(PREFIX)/share/chat/examples

clean:
	rm -rf build build-*

help:
	@echo 'make                       the programs, into build/'
	@echo 'make check                 tests that need no broker'
	@echo 'make sim                   tests/sim, with rules to switch off beside it'
	@echo 'make fuzz T=60             every fuzz harness for T seconds'
	@echo 'make install DESTDIR= PREFIX='
	@echo 'make SANITIZE=address,undefined [target]   beside, into build-address-undefined/'
	@echo 'make CC=clang-14 WERROR=1  another compiler; warnings are errors'

.PHONY: all check check-unit units sim fuzz install clean help
-include $(shell find $B -name '*.d' 2>/dev/null)
