//! Sources of mailboxes that misbehave.

use mailhaul_plugin::http::{HttpError, Piece, Request};
use mailhaul_plugin::{
    Account, Auth, Cell, Diagnostic, Inputs, Mailbox, MailboxSource, Page, PageRequest, PluginError, Row,
};

use crate::{Guest, Settings, guest, settings};

pub(crate) struct Hostile;

impl MailboxSource for Hostile {
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
        let settings = settings()?;
        let Some(guest) = guest(&settings) else { return honest(inputs) };
        let number: usize = request.token.as_deref().unwrap_or("0").parse().unwrap_or(0);
        let next = (number + 1).to_string();
        let mut page = Page::default();
        match guest {
            Guest::EmptyPages => page.next = Some(next),
            Guest::EndlessPages => {
                page.mailboxes = (0..request.max).map(|n| mailbox(&format!("{number}-{n}"))).collect();
                page.next = Some(next);
            }
            Guest::SameToken => page.next = Some("7".into()),
            Guest::TokensInACircle => {
                page.mailboxes = vec![mailbox(&number.to_string())];
                page.next = Some(((number + 1) % 2).to_string());
            }
            Guest::LongToken => page.next = Some("7".repeat(5_000)),
            Guest::TooMany => page.mailboxes = (0..=request.max).map(|n| mailbox(&n.to_string())).collect(),
            Guest::DuplicateKeys => page.mailboxes = vec![mailbox("a"), mailbox("a")],
            Guest::KeyOnTwoPages => {
                page.mailboxes = vec![mailbox("a")];
                page.next = (number == 0).then_some(next);
            }
            Guest::StealInput => {
                inputs.table("passwords")?;
            }
            Guest::AllHandles => {
                let table = inputs.table("hoard")?;
                let mut all = Vec::new();
                loop {
                    all.push(table.rows(0, 4_096));
                }
            }
            Guest::SecretByUrl => return after(inputs, &by_url(inputs, &settings)?),
            Guest::RebindToLoopback | Guest::Redirected | Guest::EndlessAnswer => {
                return after(inputs, &[get(&format!("http://{}/", settings.panel))]);
            }
            Guest::ForeignHost => {
                page = honest(inputs)?;
                let (host, port) = settings.elsewhere.rsplit_once(':').unwrap_or((&settings.elsewhere, ""));
                for mailbox in &mut page.mailboxes {
                    mailbox.source.host = Some(host.to_owned());
                    mailbox.source.port = port.parse().ok();
                }
            }
            Guest::SecretAsPassword => {
                page = honest(inputs)?;
                for mailbox in &mut page.mailboxes {
                    mailbox.source.auth = Auth::Secret(mailhaul_plugin::secrets::open("token")?);
                }
            }
            _ => return honest(inputs),
        }
        Ok(page)
    }
}

/// Sends whatever can be made of a password, in every place of a request, to every server.
fn by_url(inputs: &dyn Inputs, settings: &Settings) -> Result<Vec<Result<(), HttpError>>, PluginError> {
    let mut tried = Vec::new();
    for row in inputs.table("accounts")?.rows(0, 1) {
        for cell in row.cells {
            let Cell::Secret(secret) = cell else { continue };
            // All it can read of a secret is where it came from.
            let read = mailhaul_plugin::http::form_encoded(&format!("{} {secret:?}", secret.label()));
            for server in [&settings.panel, &settings.elsewhere] {
                let url = format!("http://{server}/?password={read}");
                let header = vec![
                    Piece::Text("x".into()),
                    Piece::Secret(&secret, mailhaul_plugin::http::Encoding::Raw),
                ];
                tried.push(get(&url));
                tried.push(Request::get(&url).header_pieces("X-Password", header).send().map(drop));
                tried.push(Request::get(&url).basic("user", &secret).send().map(drop));
            }
        }
    }
    Ok(tried)
}

fn get(url: &str) -> Result<(), HttpError> {
    let response = Request::get(url).send()?;
    while !response.read(1 << 20)?.is_empty() {}
    Ok(())
}

/// Returns the honest list, with a warning for each attempt that was refused.
fn after(inputs: &dyn Inputs, tried: &[Result<(), HttpError>]) -> Result<Page, PluginError> {
    let mut page = honest(inputs)?;
    for refused in tried.iter().filter_map(|result| result.as_ref().err()) {
        page.diagnostics.push(Diagnostic::warning("hostile.refused", "hostile", refused.to_string()));
    }
    Ok(page)
}

/// Returns what the table says: log-in, password and port of either side, in this order.
fn honest(inputs: &dyn Inputs) -> Result<Page, PluginError> {
    let rows = inputs.table("accounts")?.rows(0, 4_096);
    let mailboxes = rows.into_iter().map(|row: Row| {
        let mut cells = row.cells.into_iter();
        let (source, target) = (account(&mut cells), account(&mut cells));
        Mailbox { key: source.login.clone(), source, target, label: None, origin: None, extras: Vec::new() }
    });
    Ok(Page { mailboxes: mailboxes.collect(), ..Page::default() })
}

fn account(cells: &mut impl Iterator<Item = Cell>) -> Account {
    let text = |cell: Option<Cell>| cell.and_then(|cell| cell.text().map(str::to_owned));
    let mut account = Account::new(text(cells.next()).unwrap_or_default());
    if let Some(Cell::Secret(secret)) = cells.next() {
        account.auth = Auth::Secret(secret);
    }
    account.port = text(cells.next()).and_then(|port| port.parse().ok());
    account
}

fn mailbox(key: &str) -> Mailbox {
    Mailbox {
        key: key.into(),
        source: Account::new(key),
        target: Account::new(key),
        label: None,
        origin: None,
        extras: Vec::new(),
    }
}
