"""HTTP to the origins the manifest asks for and the operator granted, and the secrets that go there."""

import json as _json

from componentize_py_types import Err
from wit_world.imports import http as _http
from wit_world.imports import secrets as _secrets
from wit_world.imports import types


def secret(name):
    """Opens the secret the manifest asks for by this name."""
    return _secrets.open(name)


def request(method, url, bearer=None, headers=None, json=None, secrets=None, timeout_ms=None):
    """Sends one request and reads its reply whole. Any status is a reply."""
    text = _http.Piece_Text
    sent = [_http.Header(name, [text(value)]) for name, value in (headers or {}).items()]
    if bearer is not None:
        value = [text("Bearer "), _http.Piece_Secret((bearer, _http.Encoding_Raw()))]
        sent.append(_http.Header("authorization", value))
    body = _http.Body_Empty()
    if json is not None:
        sent.append(_http.Header("content-type", [text("application/json")]))
        body = _http.Body_Pieces(list(_spliced(json, secrets or {})))
    method = getattr(_http, f"Method_{method.capitalize()}")()
    reply = _told(lambda: _http.send(_http.Request(method, url, sent, body, timeout_ms, [])))
    parts = bytearray()
    while part := _told(lambda: reply.read(1 << 20)):
        parts += part
    return Reply(url, reply.status(), reply.headers(), parts.decode("utf-8", "replace"))


def _spliced(value, secrets):
    """The fields named in `secrets` are left to the host: it writes the values, which never enter the plugin."""
    rest = _json.dumps({**value, **dict.fromkeys(secrets, "")})
    for name, secret in secrets.items():
        before = f'{_json.dumps(name)}: "'
        at = rest.rindex(before) + len(before)
        yield _http.Piece_Text(rest[:at])
        yield _http.Piece_Secret((secret, _http.Encoding_Json()))
        rest = rest[at:]
    yield _http.Piece_Text(rest)


def _told(call):
    """What the host refuses becomes an error for the operator."""
    try:
        return call()
    except Err as error:
        why = str(getattr(error.value, "value", type(error.value).__name__))
        kind = types.PluginError_Denied if isinstance(error.value, _http.HttpError_Denied) else types.PluginError_Other
        raise Err(kind(why)) from None


class Reply:
    """A reply, read whole."""

    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers, self.body = url, status, headers, body

    def header(self, name):
        """The value of a header; None without it."""
        return next((value for known, value in self.headers if known == name.lower()), None)

    def json(self):
        """The body as JSON."""
        try:
            return _json.loads(self.body)
        except ValueError as error:
            raise Err(types.PluginError_Other(f"{self.url} does not answer in JSON: {error}")) from None

    def expect_ok(self):
        """Itself, or an error that says what the server said; a busy one is asked again by mailhaul."""
        if 200 <= self.status < 300:
            return self
        why = f"{self.url} answers with status {self.status}: {self.body[:200]}"
        if self.status in (429, 503):
            seconds = self.header("retry-after") or ""
            raise Err(types.PluginError_RetryAfter((int(seconds) * 1000 if seconds.isdigit() else 30_000, why)))
        raise Err((types.PluginError_Denied if self.status in (401, 403) else types.PluginError_Other)(why))


def list_page(mailboxes, next=None):
    """A provisioner's page of (login, quota or None)."""
    from wit_world.exports import mailbox_provisioner as wit

    return wit.ListPage([wit.ExistingMailbox(login, quota, []) for login, quota in mailboxes], next, [], [])


def created():
    """A provisioner's answer: it was created."""
    from wit_world.exports import mailbox_provisioner as wit

    return wit.Creation_Created()


def exists():
    """A provisioner's answer: it was there, and nothing was changed."""
    from wit_world.exports import mailbox_provisioner as wit

    return wit.Creation_Exists()
