"""Every copied folder has at least as many messages as were copied."""

import mailhaul_plugin as mailhaul
from wit_world import exports


class Validator(exports.Validator):
    @mailhaul.guarded
    def validate(self, request, source, target):
        checked, findings = 0, []
        for pair in request.folders:
            expected = pair.copied + pair.already_present
            found = count(target, pair.target)
            checked += found
            if found < expected:
                message = f"{found} of {expected} messages are there"
                findings.append(mailhaul.finding("error", "count.missing", message, pair.target))
        return mailhaul.report(checked, findings)


def count(view, folder):
    count = after = 0
    while page := view.messages(folder, after, 5000):
        count += len(page)
        after = page[-1].uid
    return count
