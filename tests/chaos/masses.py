"""Many rooms with many members beside the crowd: chat-bench --log, careful
clients too, whose client log chat-audit reads."""

import json
import os
import signal
import subprocess

import chatlib as c
from stack import Broken

FIRST_USER = 600001


class Masses:
    def __init__(self, opts, number, path):
        self.path, self.process = path, None
        members = opts.mass_members
        first = FIRST_USER + number % 50 * opts.mass_rooms * members
        users = list(range(first, first + opts.mass_rooms * members))
        c.users(users)
        rooms = [c.room("mass %d.%d" % (number, i),
                        users[i * members:(i + 1) * members])
                 for i in range(opts.mass_rooms)]
        if rooms != list(range(rooms[0], rooms[0] + len(rooms))):
            raise Broken("somebody else makes rooms here")
        self.rooms = rooms
        self.argv = ["chat-bench", "--log", path, "-j",
                     "--rooms", str(opts.mass_rooms),
                     "--members", str(members),
                     "--first-room", str(rooms[0]),
                     "--first-user", str(first),
                     "--rate", str(opts.mass_rate), "--ramp", "100",
                     "-T", "86400", "--drain", "180"]
        for port in opts.edges:
            self.argv += ["-c", c.URL.replace(":%s/" % c.PORT, ":%d/" % port)]

    def begin(self):
        with open(self.path + ".err", "w") as err:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=err, text=True)

    def end(self, patience_s):
        """No more is sent; what is on its way is awaited. Its own words."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            out, _ = self.process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return {"clean": False, "why": "chat-bench does not end"}
        try:
            return json.loads(out.splitlines()[-1])
        except (ValueError, IndexError):
            with open(self.path + ".err") as f:
                return {"clean": False, "why": "chat-bench: exit %d: %s" % (
                    self.process.returncode, f.read()[-300:])}
