//! Panels that people have, as far as creating mailboxes needs them: what is sent and answered is as their
//! makers document it (cPanel UAPI, module Email; the mailcow API).

use mailhaul_plugin::http::{Encoding, Piece, Request, form_encoded};
use mailhaul_plugin::{
    CharacterClass, Creation, ExistingMailbox, ListPage, ListRequest, NewMailbox, PasswordPolicy,
    PluginError, Secret, secrets,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::url;

/// Bytes of the unit in which both take quotas.
const MIB: u64 = 1 << 20;

fn parts(login: &str) -> Result<(&str, &str), PluginError> {
    login.rsplit_once('@').ok_or_else(|| PluginError::Other("an address is needed".to_owned()))
}

fn mib(quota: u64) -> String {
    quota.div_ceil(MIB).to_string()
}

/// UAPI's envelope.
#[derive(Deserialize)]
struct Uapi {
    status: u8,
    errors: Option<Vec<String>>,
    data: Option<Value>,
}

impl Uapi {
    fn words(&self) -> String {
        self.errors.clone().unwrap_or_default().join("; ")
    }
}

pub(crate) mod cpanel {
    use super::*;

    fn ask(request: Request<'_>, token: &Secret) -> Result<Uapi, PluginError> {
        let pieces = vec![Piece::Text("cpanel acme:".to_owned()), Piece::Secret(token, Encoding::Raw)];
        let request = request.header_pieces("authorization", pieces);
        request.send()?.expect_success()?.json()
    }

    pub(crate) fn list(request: &ListRequest) -> Result<ListPage, PluginError> {
        let token = secrets::open("token")?;
        let mut page = ListPage::default();
        for domain in &request.domains {
            let path = format!("/execute/Email/list_pops_with_disk?domain={}", form_encoded(domain));
            let answer = ask(Request::get(url(&path)?), &token)?;
            if answer.status != 1 {
                return Err(PluginError::Other(answer.words()));
            }
            for one in answer.data.iter().filter_map(Value::as_array).flatten() {
                let mut mailbox = ExistingMailbox::new(one["email"].as_str().unwrap_or_default());
                // `unlimited`, or megabytes as text; the exact figure has a name of its own.
                mailbox.quota = one["_diskquota"].as_u64().filter(|_| one["diskquota"] != "unlimited");
                page.mailboxes.push(mailbox);
            }
        }
        Ok(page)
    }

    pub(crate) fn create(wanted: &NewMailbox, password: &Secret) -> Result<Creation, PluginError> {
        let (token, (user, domain)) = (secrets::open("token")?, parts(&wanted.login)?);
        let quota = wanted.quota.map_or_else(|| "0".to_owned(), mib);
        let fields = [("email", user), ("domain", domain), ("quota", &quota)];
        let request = Request::post(url("/execute/Email/add_pop")?);
        let answer = ask(request.form(&fields, [("password", password)]), &token)?;
        match (answer.status, answer.words()) {
            (1, _) => Ok(Creation::Created),
            (_, words) if words.contains("already exists") => Ok(Creation::Exists),
            (_, words) => Err(PluginError::Other(words)),
        }
    }

    pub(crate) fn set_quota(login: &str, quota: u64) -> Result<(), PluginError> {
        let (token, (user, domain)) = (secrets::open("token")?, parts(login)?);
        let quota = mib(quota);
        let fields = [("email", user), ("domain", domain), ("quota", &quota)];
        let answer = ask(Request::post(url("/execute/Email/edit_pop_quota")?).form(&fields, []), &token)?;
        if answer.status == 1 { Ok(()) } else { Err(PluginError::Other(answer.words())) }
    }
}

pub(crate) mod mailcow {
    use super::*;

    fn key<'a>(request: Request<'a>, token: &'a Secret) -> Request<'a> {
        request.header_pieces("x-api-key", vec![Piece::Secret(token, Encoding::Raw)])
    }

    /// It answers 200 to whatever it makes of a request: `[{"type": "danger", "msg": ["object_exists", …]}]`.
    fn judge(answer: &Value) -> Result<(), String> {
        let all = answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
        let bad = all.iter().find(|one| one["type"] != "success");
        bad.map_or(Ok(()), |one| Err(one["msg"].to_string()))
    }

    pub(crate) fn list(request: &ListRequest) -> Result<ListPage, PluginError> {
        let token = secrets::open("token")?;
        let mut page = ListPage::default();
        for domain in &request.domains {
            let path = format!("/api/v1/get/mailbox/all/{}", form_encoded(domain));
            let answer: Value = key(Request::get(url(&path)?), &token).send()?.expect_success()?.json()?;
            for one in answer.as_array().into_iter().flatten() {
                let mut mailbox = ExistingMailbox::new(one["username"].as_str().unwrap_or_default());
                mailbox.quota = one["quota"].as_u64().filter(|quota| *quota > 0);
                page.mailboxes.push(mailbox);
            }
        }
        let classes = [CharacterClass::Upper, CharacterClass::Digit, CharacterClass::Symbol];
        Ok(page.asking_of_passwords(&PasswordPolicy::of_length(12..=20).with(classes)))
    }

    pub(crate) fn create(wanted: &NewMailbox, password: &Secret) -> Result<Creation, PluginError> {
        let (token, (user, domain)) = (secrets::open("token")?, parts(&wanted.login)?);
        let name = wanted.display_name.as_deref().unwrap_or_default();
        let quota = wanted.quota.map_or_else(|| "0".to_owned(), mib);
        let body = json!({ "local_part": user, "domain": domain, "name": name, "quota": quota, "active": "1",
                           "password": "", "password2": "" });
        let request = key(Request::post(url("/api/v1/add/mailbox")?), &token);
        let both = [("/password", password), ("/password2", password)];
        let answer: Value = request.json_with(&body, both)?.send()?.expect_success()?.json()?;
        match judge(&answer) {
            Ok(()) => Ok(Creation::Created),
            Err(words) if words.contains("object_exists") => Ok(Creation::Exists),
            Err(words) => Err(PluginError::Other(words)),
        }
    }

    pub(crate) fn set_quota(login: &str, quota: u64) -> Result<(), PluginError> {
        let token = secrets::open("token")?;
        let body = json!({ "items": [login], "attr": { "quota": mib(quota) } });
        let request = key(Request::post(url("/api/v1/edit/mailbox")?), &token);
        let answer: Value = request.json(&body)?.send()?.expect_success()?.json()?;
        judge(&answer).map_err(PluginError::Other)
    }
}
