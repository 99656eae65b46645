"""Creates mailboxes through a panel's API."""

from urllib.parse import quote

import mailhaul_plugin as mailhaul
from mailhaul_plugin import http
from wit_world import exports


class MailboxProvisioner(exports.MailboxProvisioner):
    @mailhaul.guarded
    def list_mailboxes(self, request):
        known = []
        for domain in request.domains:
            known += call("GET", f"/api/mailboxes?domain={quote(domain)}").expect_ok().json()
        return http.list_page((mailbox["login"], mailbox.get("quota")) for mailbox in known)

    @mailhaul.guarded
    def create_mailbox(self, request, password):
        wanted = {"login": request.login, "quota": request.quota}
        # mailhaul puts the password there; it never enters this plugin.
        reply = call("POST", "/api/mailboxes", json=wanted, secrets={"password": password})
        # Asked again after a call that ended in an error: the first may have worked.
        if reply.status == 409:
            return http.exists()
        reply.expect_ok()
        return http.created()

    def set_quota(self, login, quota):
        raise mailhaul.unsupported("it sets no quotas")


def call(method, path, **options):
    url = f"https://{mailhaul.settings()['host']}{path}"
    return http.request(method, url, bearer=http.secret("token"), **options)
