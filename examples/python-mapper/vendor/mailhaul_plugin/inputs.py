"""Tables the operator named for a mailbox source, read by the names of their columns."""

from componentize_py_types import Err
from wit_world.exports import mailbox_source as wit
from wit_world.imports import accounts, types
from wit_world.imports import inputs as _inputs

# More remarks than this help nobody; the rest is counted.
REMARKS = 100


class CellError(Exception):
    """A cell that cannot be used: a remark of the page, with its place."""

    def __init__(self, row, code, reason):
        super().__init__(f"{row.at}: {reason}")
        self.at, self.code, self.reason = row.at, code, reason


def table(name, *required):
    """Opens an input that has these columns. Case and surrounding spaces do not matter."""
    opened = _inputs.open_table(name)
    # A byte order mark is what spreadsheets put before the first column.
    columns = [column.removeprefix("\ufeff").strip().lower() for column in opened.columns()]
    missing = [column for column in required if column.lower() not in columns]
    if missing:
        word = "column" if len(missing) == 1 else "columns"
        # What is there is not shown: in a list without a header row it is a password.
        reason = f"the {word} {_names(missing)} must be there and are not among the {len(columns)} of the first line"
        raise Err(types.PluginError_Input((f"{opened.file()}:1", reason)))
    return Records(opened, columns)


def _names(columns):
    return ", ".join(f"`{column}`" for column in columns)


class Records:
    """A table whose cells are asked for by column. mailhaul has done the parsing."""

    def __init__(self, table, columns):
        self.table, self.columns, self.file = table, columns, table.file()

    def __len__(self):
        return self.table.row_count()

    def rows(self, first, count):
        """At most `count` rows from index `first`; empty at the end."""
        return [Row(self, first + at, row) for at, row in enumerate(self.table.rows(first, count))]

    def page(self, request, mailbox):
        """A source's page: `mailbox` makes one of each row, or raises with the row's place."""
        try:
            first = int(request.token or "0")
        except ValueError:
            raise Err(types.PluginError_Other(f"`{request.token}` is no page of {self.file}")) from None
        rows = self.rows(first, request.max)
        mailboxes, remarks = [], []
        for row in rows:
            try:
                mailboxes.append(mailbox(row))
            except CellError as error:
                remarks.append(types.Diagnostic(types.Severity.ERROR, error.code, error.reason, error.at, []))
        if more := len(remarks[REMARKS:]):
            message = f"and {more} more like these"
            remarks[REMARKS:] = [types.Diagnostic(types.Severity.ERROR, "table.more", message, None, [])]
        after = first + len(rows)
        return wit.Page(mailboxes, str(after) if rows and after < len(self) else None, remarks, [])


class Row:
    """One row; `at` is its place, `users.csv:42`."""

    def __init__(self, records, index, row):
        self.records, self.index, self.line, self.cells = records, index, row.line, row.cells
        self.at = f"{records.file}:{row.line}"

    def _cell(self, cells, column):
        position = self.records.columns.index(column.lower()) if column.lower() in self.records.columns else None
        return cells[position] if position is not None and position < len(cells) else None

    def optional(self, column):
        """The text of a cell that may be empty, or whose column may be missing."""
        cell = self._cell(self.cells, column)
        return (cell.value.strip() or None) if isinstance(cell, _inputs.Cell_Text) else None

    def text(self, column):
        """The text of a cell; an empty one is an error with its place."""
        text = self.optional(column)
        if text is None:
            raise CellError(self, "table.empty-cell", f"the column `{column}` is empty")
        return text

    def number(self, column, expected="a whole number"):
        """A cell read as a number; None when it is empty."""
        text = self.optional(column)
        if text is None or (text.isascii() and text.isdigit()):
            return None if text is None else int(text)
        reason = f"the column `{column}` has `{text}`: {expected} is meant"
        raise CellError(self, "table.unreadable-cell", reason)

    def secret(self, column):
        """A new handle for the cell of a secret column; None when it is empty. It can be handed on once."""
        for row in self.records.table.rows(self.index, 1):
            cell = self._cell(row.cells, column)
            return cell.value if isinstance(cell, _inputs.Cell_Secret) else None
        return None

    def wrong(self, column, why):
        """What is wrong with a cell, to raise."""
        return CellError(self, "table.wrong-cell", f"the column `{column}`: {why}")


def account(login, secret=None, host=None, port=None, tls=None):
    """One end of a mailbox. Without a secret the project's own log-in is used."""
    auth = accounts.Auth_Inherit() if secret is None else accounts.Auth_Secret(secret)
    return accounts.Account(login, host, port, tls, auth, [])


def mailbox(key, source, target, label=None, origin=None):
    """A mailbox to move."""
    return wit.Mailbox(key, source, target, label, origin, [])
