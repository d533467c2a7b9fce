"""Files that are not given: what they would have said is not known; see
audit_cases.py."""
from audit_world import case


def dead(w):
    w.invoke("a", "x1")
    record = w.record(7, "x1")
    w.ok("a", "x1")
    w.letter(record)


def untold(w):
    """Refused, and its sender was gone before he was told."""
    w.invoke("a", "x1")
    record = w.record(7, "x1")
    w.ok("a", "x1")
    w.outcome("refused", record)


for left_out in ("letters", "outcomes"):
    case("a dead letter, and no --" + left_out, without=left_out)(dead)
case("a dead letter, or a loss: no file says which", "I1",
     "neither --letters nor --outcomes were given",
     without="letters outcomes")(dead)
case("refused, or lost: no file says which", "I1",
     "whether it was refused is not known: no --outcomes",
     without="outcomes")(untold)
case("refused, and no --letters", without="letters")(untold)


@case("lost: all files say so", "I1", "not stored, nor a letter, nor refused")
def _(w):
    w.invoke("a", "x1")
    w.record(7, "x1")
    w.ok("a", "x1")
