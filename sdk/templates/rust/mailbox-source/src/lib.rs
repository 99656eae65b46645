//! Mailboxes from a table with the columns `user` and `user_password`, the same on both hosts.

use mailhaul_plugin::{
    Account, Auth, Cell, Extras, Inputs, Mailbox, MailboxSource, Page, PageRequest, PluginError, Row, Table,
};

struct Plugin;

impl MailboxSource for Plugin {
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
        let table = inputs.table("users")?;
        // All progress is in the token: here the number of rows that were listed before.
        let first: usize = request.token.as_deref().and_then(|token| token.parse().ok()).unwrap_or(0);
        // A cell's handle can be handed on once, so the rows are read for each side.
        let source = table.rows(first, request.max);
        let target = table.rows(first, request.max);
        let mut page = Page::default();
        for (source, target) in source.into_iter().zip(target) {
            page.mailboxes.push(mailbox(table.as_ref(), source, target)?);
        }
        let end = first + page.mailboxes.len();
        page.next = (end < table.row_count()).then(|| end.to_string());
        Ok(page)
    }
}

fn mailbox(table: &dyn Table, source: Row, target: Row) -> Result<Mailbox, PluginError> {
    let at = format!("{}:{}", table.file(), source.line);
    let user = source.cells.first().and_then(Cell::text).map(str::to_owned);
    let user = user.ok_or_else(|| PluginError::Input { at: at.clone(), reason: "no user".to_owned() })?;
    let account = |row: Row| {
        let mut account = Account::new(user.clone());
        if let Some(Cell::Secret(secret)) = row.cells.into_iter().nth(1) {
            account.auth = Auth::Secret(secret);
        }
        account
    };
    let (source, target) = (account(source), account(target));
    Ok(Mailbox { key: user, source, target, label: None, origin: Some(at), extras: Extras::new() })
}

mailhaul_plugin::export!(source: Plugin);

#[cfg(test)]
mod tests {
    use super::*;
    use mailhaul_plugin::testing::TestInputs;

    #[test]
    fn a_listing_goes_on_where_it_stopped() {
        let users = "user,user_password\nanna,a\nbert,b\n";
        let inputs = TestInputs::new().with_csv("users", "users.csv", users);
        let first = Plugin::list_mailboxes(&inputs, &PageRequest::first(1)).unwrap();
        assert_eq!((first.mailboxes[0].key.as_str(), first.next.as_deref()), ("anna", Some("1")));
        let request = PageRequest { token: first.next, max: 1, extras: Extras::new() };
        let last = Plugin::list_mailboxes(&inputs, &request).unwrap();
        assert_eq!((last.mailboxes[0].key.as_str(), last.next), ("bert", None));
    }
}
