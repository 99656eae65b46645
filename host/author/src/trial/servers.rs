//! Requests and answers of the kinds that are about servers, as JSON. Names and liberties as in `shapes`.
//!
//! A profile is asked with `server` (and `side`, and `provider`), or with a `refusal` to classify; its answer
//! is `null` when it does not know. A provisioner is asked with `domains` for a page of what is there, with
//! `create` for a new mailbox, or with `set-quota`.

use mailhaul_engine::plugin::{self as engine, MailboxProvisioner, PluginError, ServerProfiler};
use mailhaul_engine::summary::Side;
use mailhaul_imap::Secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::shapes::Server;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct ProfileRequest {
    side: Option<Side>,
    server: Server,
    provider: Option<String>,
    refusal: Option<Refusal>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Refusal {
    /// `log-in`, `append`, or the name of a command.
    occasion: String,
    #[serde(default)]
    kind: ReplyKind,
    #[serde(default)]
    code: Option<String>,
    text: String,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReplyKind {
    #[default]
    No,
    Bad,
    Bye,
}

impl ProfileRequest {
    pub(super) async fn ask(self, profiler: &dyn ServerProfiler) -> Result<Value, PluginError> {
        let side = self.side.unwrap_or(Side::Source);
        let server = self.server.into();
        let Some(refusal) = self.refusal else {
            return Ok(profiler
                .identify(side, &server, self.provider.as_deref())
                .await?
                .map_or(Value::Null, |known| profile(&known)));
        };
        let refusal = engine::Refusal {
            side,
            server,
            provider: self.provider,
            occasion: match refusal.occasion.as_str() {
                "log-in" => engine::Occasion::LogIn,
                "append" => engine::Occasion::Append,
                other => engine::Occasion::Other(other.to_owned()),
            },
            kind: match refusal.kind {
                ReplyKind::No => engine::ReplyKind::No,
                ReplyKind::Bad => engine::ReplyKind::Bad,
                ReplyKind::Bye => engine::ReplyKind::Bye,
            },
            code: refusal.code,
            text: refusal.text,
        };
        let Some(meaning) = profiler.classify(&refusal).await? else { return Ok(Value::Null) };
        Ok(filled(json!({
            "cause": meaning.meaning,
            "retry-after-ms": meaning.retry_after.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            "remedy": meaning.remedy,
        })))
    }
}

fn profile(known: &engine::ServerProfile) -> Value {
    filled(json!({
        "provider": known.provider,
        "name": known.name,
        "why": known.why,
        "max-connections": known.max_connections,
        "max-connections-per-mailbox": known.max_connections_per_mailbox,
        "max-append-bytes": known.max_append_bytes,
        "avoid": known.avoid,
        "one-at-a-time": known.one_at_a_time,
        "folds-case": known.folds_case,
        "notes": known.notes,
    }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct ProvisioningRequest {
    token: Option<String>,
    max: Option<u32>,
    domains: Vec<String>,
    create: Option<NewMailbox>,
    set_quota: Option<Quota>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NewMailbox {
    login: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    quota: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Quota {
    login: String,
    quota: u64,
}

impl ProvisioningRequest {
    pub(super) async fn ask(self, provisioner: &dyn MailboxProvisioner) -> Result<Value, PluginError> {
        if let Some(wanted) = self.create {
            let wanted = engine::NewMailbox {
                login: wanted.login,
                display_name: wanted.display_name,
                quota: wanted.quota,
                password: Secret::from(b"made-up password".to_vec()),
            };
            return Ok(match provisioner.create_mailbox(&wanted).await? {
                engine::Creation::Created => json!("created"),
                engine::Creation::Exists => json!("exists"),
            });
        }
        if let Some(Quota { login, quota }) = self.set_quota {
            return provisioner.set_quota(&login, quota).await.map(|()| Value::Null);
        }
        let max = self.max.unwrap_or(1_000);
        let page = provisioner.list_mailboxes(self.token.as_deref(), max, &self.domains).await?;
        let mailbox =
            |known: &engine::ExistingMailbox| filled(json!({ "login": known.login, "quota": known.quota }));
        let diagnostic = |found: &engine::Diagnostic| {
            filled(
                json!({ "severity": found.severity, "code": found.code, "message": found.message, "at": found.at }),
            )
        };
        Ok(filled(json!({
            "mailboxes": page.mailboxes.iter().map(mailbox).collect::<Vec<_>>(),
            "next": page.next,
            "diagnostics": page.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
        })))
    }
}

/// The value without its empty fields, as answers are written.
fn filled(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let kept = fields.into_iter().filter(|(_, value)| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    });
    Value::Object(kept.collect::<Map<_, _>>())
}
