//! `mailhaul secrets`: the passwords that the project keeps itself.

use mailhaul_app::secrets::{self, Listed, Passphrase};
use mailhaul_project::{Project, SideName};
use mailhaul_text::{escape, plural};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::provision::key_was_made;
use crate::args::{End, Global, MoveSecrets, PassphraseOfKey, RemoveSecret, SecretPlace, Secrets, Take};
use crate::error::Failure;
use crate::exit::Exit;
use crate::project;
use crate::ui::Ui;
use crate::ui::clock::local_time;
use crate::ui::table::{Align, Table};

/// Runs the command; none of them connects to anything.
pub(crate) fn secrets(ui: &mut Ui, global: &Global, command: &Secrets) -> Result<Exit, Failure> {
    let project = match command {
        Secrets::List => project::for_reading(ui, global)?,
        _ => project::for_work(ui, global)?,
    };
    match command {
        Secrets::Set(args) => set(ui, &project, args)?,
        Secrets::List => list(ui, &secrets::list(&project)?)?,
        Secrets::Remove(args) => remove(ui, &project, args)?,
        Secrets::Move(args) => rehost(ui, &project, args)?,
        Secrets::Take(args) => take(ui, &project, args)?,
        Secrets::Passphrase(args) => passphrase(ui, &project, args)?,
    }
    Ok(Exit::Done)
}

fn set(ui: &mut Ui, project: &Project, args: &SecretPlace) -> Result<(), Failure> {
    let side = side(args.side);
    let secret = ui.ask_hidden(&format!("The {side} password of {}", args.user))?;
    let done = secrets::set(project, side, args.host.as_deref(), &args.user, secret)?;
    told_of_key(ui, done.made_key.as_deref());
    let verb = if done.was_there { "replaced" } else { "stored" };
    ui.note(&format!("{verb}: the {side} password of `{}` at {}", args.user, done.place.host()));
    Ok(())
}

fn list(ui: &mut Ui, listed: &[Listed]) -> Result<(), Failure> {
    if ui.json() {
        let rows: Vec<_> = listed
            .iter()
            .map(|one| {
                json!({ "side": one.side.as_str(), "host": one.host, "login": one.login, "since": one.since,
                        "by": one.by.as_str() })
            })
            .collect();
        return ui.document(&json!({ "schema": 1, "secrets": rows }), true);
    }
    if listed.is_empty() {
        ui.note("the project's store is empty");
        return Ok(());
    }
    let columns = ["Side", "Log-in", "Host", "Since", "By"].map(|name| (name, Align::Left));
    let mut table = Table::new(0, &columns);
    for one in listed {
        let since = local_time(&one.since);
        let cells = [one.side.as_str(), &one.login, &one.host, &since, one.by.as_str()];
        table.push_row(cells.map(|cell| (cell, None)));
    }
    ui.data(&table.render(ui.width, ui.palette))
}

fn remove(ui: &mut Ui, project: &Project, args: &RemoveSecret) -> Result<(), Failure> {
    let (Some(side), Some(user)) = (args.side.map(side), &args.user) else {
        return remove_all(ui, project, args.yes);
    };
    let done = secrets::remove(project, side, args.host.as_deref(), user)?;
    let which = format!("{side} password of `{user}` at {}", done.place.host());
    if !done.was_there {
        return Err(Failure::input(
            format!("the store has no {which}"),
            Some("`mailhaul secrets list` shows what it has"),
        ));
    }
    ui.note(&format!("removed: the {which}"));
    Ok(())
}

fn rehost(ui: &mut Ui, project: &Project, args: &MoveSecrets) -> Result<(), Failure> {
    let side = side(args.side);
    let count = secrets::rehost(project, side, &args.from, args.to.as_deref())?;
    let passwords = plural(count as u64, &format!("{side} password"));
    ui.note(&format!("moved: {passwords}, from {} to another host's name", args.from));
    Ok(())
}

fn remove_all(ui: &mut Ui, project: &Project, yes: bool) -> Result<(), Failure> {
    let (would, instead) = ("this removes every password that the project keeps", "add `--yes`");
    if !yes && !ui.confirm("Remove every password that the project keeps?", would, instead)? {
        ui.note("nothing was removed");
        return Ok(());
    }
    let was_there = secrets::remove_all(project)?;
    ui.note(if was_there { "removed: every password in the store" } else { "the project's store is empty" });
    Ok(())
}

fn take(ui: &mut Ui, project: &Project, args: &Take) -> Result<(), Failure> {
    let taken = secrets::take(project, &args.file, &mut |text: &str| ui.warn(text))?;
    if let Some(read_as) = &taken.read_as {
        ui.note(read_as);
    }
    told_of_key(ui, taken.made_key.as_deref());
    if ui.json() {
        return ui.document(
            &json!({ "schema": 1, "passwords": taken.passwords, "replaced": taken.replaced }),
            true,
        );
    }
    let file = escape(&args.file.display().to_string()).into_owned();
    if taken.passwords == 0 {
        return ui.data(&format!("{file} has no passwords; it is as it was\n"));
    }
    let (stands, their) = if taken.passwords == 1 { ("is", "its cell") } else { ("are", "their cells") };
    let passwords = plural(taken.passwords as u64, "password");
    ui.data(&format!("{passwords} {stands} in the store now, and {their} in {file} empty\n"))?;
    if taken.replaced > 0 {
        ui.note(&format!("{} of them took the place of another", taken.replaced));
    }
    ui.hint("copies of that file, in a backup, a mail or an editor's own, still have them");
    Ok(())
}

fn passphrase(ui: &mut Ui, project: &Project, args: &PassphraseOfKey) -> Result<(), Failure> {
    if args.restore {
        let passphrase = passphrase_from(ui.ask_hidden("The passphrase of the key's backup")?)?;
        let file = secrets::restore(project, &passphrase)?;
        ui.note(&format!("the key is in `{}` again", file.display()));
        return Ok(());
    }
    let passphrase = passphrase_from(ui.ask_hidden("A passphrase for the backup of the key")?)?;
    if ui.is_asked() {
        let again = passphrase_from(ui.ask_hidden("The same once more")?)?;
        if again.expose_secret() != passphrase.expose_secret() {
            return Err(Failure::input("the two passphrases differ; nothing was written", None));
        }
    }
    let (file, made_key) = secrets::back_up(project, &passphrase)?;
    told_of_key(ui, made_key.as_deref());
    ui.note(&format!(
        "the key is in `{}` as well, under the passphrase: keep that where neither this folder nor this machine is",
        file.display()
    ));
    Ok(())
}

fn passphrase_from(typed: mailhaul_app::Secret) -> Result<Passphrase, Failure> {
    match std::str::from_utf8(typed.expose_secret()) {
        Ok(text) => Ok(Passphrase::from(text)),
        Err(_) => Err(Failure::input("the passphrase is not UTF-8, and could not be typed elsewhere", None)),
    }
}

fn told_of_key(ui: &mut Ui, made: Option<&str>) {
    if let Some(place) = made {
        ui.note(&key_was_made(place));
    }
}

fn side(end: End) -> SideName {
    match end {
        End::Source => SideName::Source,
        End::Target => SideName::Target,
    }
}
