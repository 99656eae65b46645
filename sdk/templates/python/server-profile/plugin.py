"""Acme's mail servers: their limits, and what their refusals mean."""

import mailhaul_plugin as mailhaul
from wit_world import exports


class ServerProfile(exports.ServerProfile):
    @mailhaul.guarded
    def identify(self, request):
        if not request.server.greeting.startswith("Acme Mail"):
            return None
        return mailhaul.profile(
            "acme",
            "Acme Mail",
            why="it greets as Acme Mail",
            max_connections_per_mailbox=4,
            avoid=["MULTIAPPEND"],
        )

    @mailhaul.guarded
    def classify(self, refusal):
        # What the server says, in its own words, and what that means.
        words = refusal.text.lower()
        if "mailbox is over its limit" in words:
            return mailhaul.classification("quota")
        if "slow down" in words:
            return mailhaul.classification("throttled", retry_after_ms=60_000)
        return None
