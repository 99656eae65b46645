"""Write plugins for mailhaul in Python.

The types come from `wit_world`, which componentize-py makes of `wit/`; here are the helpers that make a plugin short.
"""

import functools
import json
import traceback

from componentize_py_types import Err
from wit_world.imports import log as _log
from wit_world.imports import settings as _settings
from wit_world.imports import types


def settings():
    """The operator's settings, defaults filled in."""
    return json.loads(_settings.json())


def info(message):
    """Writes one line to mailhaul's log."""
    _log.write(_log.Level.INFO, str(message), [])


def settings_error(message):
    """An error to raise: the settings do not fit each other or the servers."""
    return Err(types.PluginError_Settings(message))


def error(message):
    """An error to raise: anything else."""
    return Err(types.PluginError_Other(message))


def unsupported(message):
    """An error to raise: this plugin does not do that."""
    return Err(types.PluginError_Unsupported(message))


def open_folders(request):
    """The source folders nobody has ruled on yet, as (index, folder)."""
    settled = {ruling.folder for ruling in request.settled}
    return [(index, folder) for index, folder in enumerate(request.source_folders) if index not in settled]


def strip_prefix(path, prefix):
    """What is below `prefix`, itself included; None when the path is somewhere else."""
    return path[len(prefix):] if path[:len(prefix)] == prefix else None


def map_to(folder, path, why, role=None, subscribe=None):
    """A ruling: the folder goes there."""
    from wit_world.exports import folder_mapper as wit

    return wit.Ruling(folder, wit.Decision_MapTo(wit.TargetFolder(path, role, subscribe, [])), why, [])


def skip(folder, reason):
    """A ruling: the folder is left out."""
    from wit_world.exports import folder_mapper as wit

    return wit.Ruling(folder, wit.Decision_Skip(reason), reason, [])


def mapping(rulings):
    """A mapper's answer."""
    from wit_world.exports import folder_mapper as wit

    return wit.Mapping(rulings, [], [])


def finding(severity, code, message, folder=None, uid=None):
    """A validator's remark; `severity` is "note", "warning" or "error"."""
    from wit_world.exports import validator as wit

    return wit.Finding(types.Severity[severity.upper()], code, message, folder, uid, [])


def report(checked_messages, findings):
    """A validator's answer: a failure when a finding is an error."""
    from wit_world.exports import validator as wit

    failed = any(found.severity == types.Severity.ERROR for found in findings)
    return wit.Report(wit.Outcome_Fail() if failed else wit.Outcome_Pass(), checked_messages, findings, [])


def profile(provider, name, why="", avoid=(), switches=(), notes=(), **limits):
    """What is known about a server, and `why` it is that one; `limits` are `max_connections`, `max_connections_per_mailbox`, `max_append_bytes`."""
    from wit_world.exports import server_profile as wit

    names = ("max_connections", "max_connections_per_mailbox", "max_append_bytes")
    if unknown := set(limits) - set(names):
        raise TypeError(f"there is no limit called {unknown.pop()}")
    numbers = [limits.get(name) for name in names]
    return wit.Profile(provider, name, why, *numbers, list(avoid), list(switches), list(notes), [])


def classification(cause, retry_after_ms=None, remedy=None):
    """What a refusal means; `cause` is a word of `wit/kinds.wit`: "quota", "auth-refused"."""
    from wit_world.exports import server_profile as wit

    word = "".join(part.capitalize() for part in cause.split("-"))
    return wit.Classification(getattr(wit, f"Cause_{word}")(), retry_after_ms, remedy, [])


def guarded(call):
    """Sends what is raised by mistake to the log with its place; without it, all that is left is "it crashed"."""

    @functools.wraps(call)
    def inner(*args):
        try:
            return call(*args)
        except Err:
            raise
        except Exception as mistake:
            *places, last = traceback.format_exc().rstrip().split("\n")
            for place in places:
                _log.write(_log.Level.DEBUG, place, [])
            _log.write(_log.Level.ERROR, last, [])
            raise error(f"{type(mistake).__name__}: {mistake}") from mistake

    return inner
