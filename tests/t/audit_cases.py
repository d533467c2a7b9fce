#!/usr/bin/env python3
"""Small histories by hand for chat-audit: one room, one thing that happened.

    audit_cases.py CHAT-AUDIT DIR

Runs chat-audit over each, as TAP. A hostile history must be seen by exactly the
invariants that are named, with exit 1, and by a text that says `names`; an
innocent one by none, with exit 0. histories.py makes the large, random ones.
"""
import audit_again  # noqa: F401 (its cases)
import audit_given  # noqa: F401
import audit_kept  # noqa: F401
import audit_places  # noqa: F401
import audit_seen  # noqa: F401
import audit_times  # noqa: F401
from audit_world import main

main()
