//! Acme's servers (known by the capability `X-ACME`) and its panel, a JSON API.

mod panels;

use std::time::Duration;

use mailhaul_plugin::http::{Request, form_encoded};
use mailhaul_plugin::{
    Cause, Classification, Creation, ExistingMailbox, ListPage, ListRequest, MailboxProvisioner, NewMailbox,
    Occasion, PluginError, Profile, ProfileRequest, Refusal, Secret, ServerProfile, secrets,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Settings {
    way: String,
    panel: String,
    dialect: String,
}

struct Acme;

impl ServerProfile for Acme {
    fn identify(request: &ProfileRequest) -> Result<Option<Profile>, PluginError> {
        let settings: Settings = mailhaul_plugin::settings()?;
        assert!(settings.way != "trap-identify", "identify is broken on purpose");
        let acme = request.server.capabilities.iter().any(|one| one == "X-ACME");
        if !acme && request.provider.is_none() {
            return Ok(None);
        }
        let mut profile = Profile::new("acme", "Acme Mail")
            .because("it offers X-ACME")
            .avoiding("LITERAL+")
            .switching("pipeline", "off")
            .switching("folder-names", "fold-case")
            .noting("tea is at four");
        profile.max_append_bytes = Some(2_000);
        profile.max_connections_per_mailbox = Some(1);
        Ok(Some(profile))
    }

    fn classify(refusal: &Refusal) -> Result<Option<Classification>, PluginError> {
        let settings: Settings = mailhaul_plugin::settings()?;
        match settings.way.as_str() {
            "trap" => panic!("classify is broken on purpose"),
            "loop" => loop {
                std::hint::black_box(());
            },
            // Everything is only a matter of patience, it says, wrong passwords and dead messages included.
            "lie" => {
                return Ok(Some(
                    Classification::new(Cause::Throttled)
                        .retry_after(Duration::from_millis(1))
                        .remedy("all is well"),
                ));
            }
            "shout" => {
                let remedy = format!("\u{1b}]0;owned\u{7}\u{202e}{}", "a".repeat(100_000));
                return Ok(Some(Classification::new(Cause::MessageRefused).remedy(remedy)));
            }
            _ => {}
        }
        let known = |cause, remedy: &str| Ok(Some(Classification::new(cause).remedy(remedy)));
        if refusal.says("tea time") {
            let meaning = Classification::new(Cause::Throttled).retry_after(Duration::from_millis(50));
            return Ok(Some(meaning.remedy("wait for tea to end")));
        }
        if refusal.says("not our cup") {
            return known(Cause::MessageRefused, "Acme takes no mail about coffee");
        }
        if refusal.says("cupboard") {
            return known(Cause::Quota, "buy a larger cupboard");
        }
        if refusal.occasion == Occasion::LogIn {
            return known(Cause::ImapDisabled, "switch IMAP on in Acme's panel");
        }
        Ok(None)
    }
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

#[derive(Serialize)]
struct Quota<'a> {
    login: &'a str,
    quota: u64,
}

impl MailboxProvisioner for Acme {
    fn list_mailboxes(request: &ListRequest) -> Result<ListPage, PluginError> {
        match dialect()?.as_str() {
            "cpanel" => return panels::cpanel::list(request),
            "mailcow" => return panels::mailcow::list(request),
            _ => {}
        }
        let token = secrets::open("token")?;
        let mut page = ListPage::default();
        for domain in &request.domains {
            let url = url(&format!("/mailboxes?domain={}", form_encoded(domain)))?;
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
        match dialect()?.as_str() {
            "cpanel" => return panels::cpanel::create(wanted, password),
            "mailcow" => return panels::mailcow::create(wanted, password),
            _ => {}
        }
        let token = secrets::open("token")?;
        let body = Wanted { login: &wanted.login, quota: wanted.quota, password: "" };
        let request = Request::post(url("/mailboxes")?).bearer(&token);
        let reply = request.json_with(&body, [("/password", password)])?.send()?;
        if reply.status() == 409 {
            return Ok(Creation::Exists);
        }
        reply.expect_success()?;
        Ok(Creation::Created)
    }

    fn set_quota(login: &str, quota: u64) -> Result<(), PluginError> {
        match dialect()?.as_str() {
            "cpanel" => return panels::cpanel::set_quota(login, quota),
            "mailcow" => return panels::mailcow::set_quota(login, quota),
            _ => {}
        }
        let token = secrets::open("token")?;
        let request = Request::post(url("/quota")?).bearer(&token);
        request.json_with(&Quota { login, quota }, [])?.send()?.expect_success()?;
        Ok(())
    }
}

fn dialect() -> Result<String, PluginError> {
    let settings: Settings = mailhaul_plugin::settings()?;
    Ok(settings.dialect)
}

pub(crate) fn url(path: &str) -> Result<String, PluginError> {
    let settings: Settings = mailhaul_plugin::settings()?;
    Ok(format!("https://{}{path}", settings.panel))
}

mailhaul_plugin::export!(profile: Acme, provisioner: Acme);
