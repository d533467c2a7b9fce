"""The list of faults: each module of a family adds its own with @fault. A
fault is a function of (stack, turn); it breaks something, says turn.hit() at
the instant, and returns when the fault is over (not: recovered from). R-.. are
those of the specification, X-.. what nobody has asked for."""

import time

QUICK, LONG = 45, 10    # rounds of each, unless told otherwise

ALL = {}


class Left(Exception):
    """This machine cannot make the fault: the command that failed."""


class Fault:
    def __init__(self, name, what, run, long, alone, short, inside, brokers):
        self.name, self.what, self.run = name, what, run
        self.long = long            # takes over 20 s: ten rounds
        self.alone = alone          # in a watch of its own
        self.short = short          # in the short run of the tests
        self.inside = inside        # needs a stack of our own, as root
        self.brokers = brokers      # only with so many; 0: any number

    def __repr__(self):
        return self.name


def fault(name, what, long=False, alone=False, short=False, inside=False,
          brokers=0):
    def add(run):
        ALL[name] = Fault(name, what, run, long, alone, short, inside, brokers)
        return run
    return add


class Turn:
    """One round of one fault."""

    def __init__(self, fault, chance, crowd=None):
        self.fault, self.chance, self.crowd = fault, chance, crowd
        self.at = self.until = None
        self.renumbered = False     # seqs begin another life (a restore)
        self.forgotten = False      # Kafka has no more what chat-audit wants
        self.variant = ""
        self.failed = None

    def choose(self, *variants):
        self.variant = self.chance.choice(variants)
        return self.variant

    def hit(self):
        self.at = time.monotonic()

    def over(self):
        """The fault itself has ended; what comes is recovery."""
        self.until = time.monotonic()

    def expect(self, right, words):
        """What the fault must have led to, besides losing nothing."""
        if not right and not self.failed:
            self.failed = "%s: %s" % (self.fault.name, words)
        return right

    def lasted(self):
        return max(0.0, self.until - self.at) if self.until else 0.0
