//! Mailboxes from a table with the columns `user` and `user_password`, the same on both hosts.

use mailhaul_plugin::{Account, Inputs, Mailbox, MailboxSource, Page, PageRequest, PluginError, Records};

struct Plugin;

impl MailboxSource for Plugin {
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
        let users = Records::open(inputs, "users", &["user", "user_password"])?;
        users.page(request, |row| {
            let user = row.text("user")?;
            // A handle can be handed on once, so each side gets its own.
            let account = || Account { auth: row.auth("user_password"), ..Account::new(user) };
            Ok(Mailbox::new(user, account(), account()).origin(row.at()))
        })
    }
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
        let request = PageRequest { token: first.next, ..PageRequest::first(1) };
        let last = Plugin::list_mailboxes(&inputs, &request).unwrap();
        assert_eq!((last.mailboxes[0].key.as_str(), last.next), ("bert", None));
    }
}
