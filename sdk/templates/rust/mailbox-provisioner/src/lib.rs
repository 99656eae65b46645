//! Creates mailboxes through a panel's API.

use mailhaul_plugin::http::{Request, form_encoded};
use mailhaul_plugin::{
    Creation, ExistingMailbox, ListPage, ListRequest, MailboxProvisioner, NewMailbox, PluginError, Secret, secrets,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Settings {
    host: String,
}

#[derive(Deserialize)]
struct Known {
    login: String,
    quota: Option<u64>,
}

#[derive(Serialize)]
struct Wanted<'a> {
    login: &'a str,
    quota: Option<u64>,
    password: &'a str,
}

struct Plugin;

impl MailboxProvisioner for Plugin {
    fn list_mailboxes(request: &ListRequest) -> Result<ListPage, PluginError> {
        let token = secrets::open("token")?;
        let mut page = ListPage::default();
        for domain in &request.domains {
            let url = url(&format!("/api/mailboxes?domain={}", form_encoded(domain)))?;
            let reply = Request::get(url).bearer(&token).send()?.expect_success()?;
            for known in reply.json::<Vec<Known>>()? {
                let mut mailbox = ExistingMailbox::new(known.login);
                mailbox.quota = known.quota;
                page.mailboxes.push(mailbox);
            }
        }
        Ok(page)
    }

    fn create_mailbox(wanted: &NewMailbox, password: &Secret) -> Result<Creation, PluginError> {
        let token = secrets::open("token")?;
        // mailhaul puts the password where this says `password`; it never enters this plugin.
        let body = Wanted { login: &wanted.login, quota: wanted.quota, password: "" };
        let request = Request::post(url("/api/mailboxes")?).bearer(&token);
        let reply = request.json_with(&body, [("/password", password)])?.send()?;
        // Asked again after a call that ended in an error: the first may have worked.
        if reply.status() == 409 {
            return Ok(Creation::Exists);
        }
        reply.expect_success()?;
        Ok(Creation::Created)
    }
}

fn url(path: &str) -> Result<String, PluginError> {
    let settings: Settings = mailhaul_plugin::settings()?;
    Ok(format!("https://{}{path}", settings.host))
}

mailhaul_plugin::export!(provisioner: Plugin);

#[cfg(test)]
mod tests {
    use super::*;
    use mailhaul_plugin::testing::{TestReply, with_http, with_secrets, with_settings};

    #[test]
    fn a_mailbox_that_exists_is_left_alone() {
        let created = with_settings(r#"{"host":"panel.example"}"#, || {
            with_secrets(["token"], || {
                let answer = |_: &_| Ok(TestReply::json(409, "{}"));
                with_http(answer, || {
                    let password = mailhaul_plugin::testing::secret("m.csv:2 target_password");
                    Plugin::create_mailbox(&NewMailbox::new("anna@example.org"), &password)
                })
            })
        });
        assert_eq!(created, Ok(Creation::Exists));
    }
}
