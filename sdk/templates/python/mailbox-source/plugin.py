"""Mailboxes from a table with the columns `user` and `user_password`, the same on both hosts."""

import mailhaul_plugin as mailhaul
from mailhaul_plugin import inputs
from wit_world import exports


class MailboxSource(exports.MailboxSource):
    @mailhaul.guarded
    def list_mailboxes(self, request):
        return inputs.table("users", "user", "user_password").page(request, mailbox)


def mailbox(row):
    user = row.text("user")
    # A handle can be handed on once, so each side gets its own.
    source, target = (inputs.account(user, row.secret("user_password")) for _ in range(2))
    return inputs.mailbox(user, source, target, origin=row.at)
