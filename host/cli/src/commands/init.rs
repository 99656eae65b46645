//! `mailhaul init`: a project to fill in.

use std::io::IsTerminal;
use std::path::Path;

use mailhaul_project::Tls;
use mailhaul_project::template::{InitAnswers, check_host, init as write};

use crate::args::{self, Init};
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;

/// Writes `mailhaul.toml` and `mailboxes.csv`. On a terminal it asks for what the flags leave open.
pub(crate) fn init(ui: &mut Ui, args: &Init) -> Result<Exit, Failure> {
    let mut answers = InitAnswers {
        name: args.name.clone().unwrap_or_default(),
        source_host: args.source_host.clone(),
        source_port: args.source_port,
        source_tls: args.source_tls.map(tls).unwrap_or_default(),
        target_host: args.target_host.clone(),
        target_port: args.target_port,
        target_tls: args.target_tls.map(tls).unwrap_or_default(),
    };
    // Questions whose answers would be thrown away are not asked.
    let fresh = !["mailhaul.toml", "mailboxes.csv"].iter().any(|name| args.dir.join(name).exists());
    if fresh && std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        ask(ui, args, &mut answers)?;
    }
    let written = write(&args.dir, &answers)?;
    for path in &written {
        ui.data(&format!("wrote {}\n", mailhaul_text::escape(&path.display().to_string())))?;
    }
    for step in next_steps(&args.dir, &answers) {
        ui.note(&step);
    }
    Ok(Exit::Done)
}

fn ask(ui: &mut Ui, args: &Init, answers: &mut InitAnswers) -> Result<(), Failure> {
    if answers.source_host.is_none() {
        answers.source_host = Some(ask_host(ui, "the old host, where the mail is now")?);
        if args.source_tls.is_none() {
            answers.source_tls = ask_tls(ui)?;
        }
    }
    if answers.target_host.is_none() {
        answers.target_host = Some(ask_host(ui, "the new host, where the mail goes")?);
        if args.target_tls.is_none() {
            answers.target_tls = ask_tls(ui)?;
        }
    }
    Ok(())
}

fn ask_host(ui: &mut Ui, question: &str) -> Result<String, Failure> {
    loop {
        let Some(answer) = ui.ask(question, "")? else {
            return Err(Failure::input(
                "no answer on standard input; nothing was written",
                Some("`--source-host HOST --target-host HOST` answer without questions"),
            ));
        };
        match check_host(&answer) {
            Ok(host) => return Ok(host),
            Err(sentence) => ui.warn(&sentence),
        }
    }
}

fn ask_tls(ui: &mut Ui) -> Result<Tls, Failure> {
    loop {
        let answer =
            ui.ask("  its protection: implicit (port 993), starttls (port 143) or none", "implicit")?;
        let answer = answer.unwrap_or_default();
        match Tls::parse(&answer.to_lowercase()) {
            Some(tls) => return Ok(tls),
            None if answer.is_empty() => return Ok(Tls::Implicit),
            None => ui.warn("`implicit`, `starttls` or `none` is meant"),
        }
    }
}

fn tls(tls: args::Tls) -> Tls {
    match tls {
        args::Tls::Implicit => Tls::Implicit,
        args::Tls::Starttls => Tls::Starttls,
        args::Tls::None => Tls::None,
    }
}

fn next_steps(dir: &Path, answers: &InitAnswers) -> Vec<String> {
    let mut steps = Vec::new();
    if dir != Path::new(".") {
        steps.push(format!("`cd {}`", dir.display()));
    }
    if answers.source_host.is_none() || answers.target_host.is_none() {
        steps.push("put both hosts into `mailhaul.toml`".to_owned());
    }
    steps.push("list the mailboxes in `mailboxes.csv`, one per line, with both passwords".to_owned());
    steps.push(
        "`mailhaul check` tries both ends, `mailhaul plan` shows where folders go; neither writes anything"
            .to_owned(),
    );
    steps.push("`mailhaul run` copies, and may be repeated; `mailhaul verify` compares both ends".to_owned());
    let numbered = steps.iter().enumerate().map(|(at, step)| format!("  {}. {step}", at + 1));
    std::iter::once("next:".to_owned()).chain(numbered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(dir: &Path) -> Init {
        Init {
            dir: dir.to_owned(),
            name: Some("old to new".into()),
            source_host: Some("mail.old.example".into()),
            source_port: None,
            source_tls: None,
            target_host: Some("mail.new.example".into()),
            target_port: Some(1143),
            target_tls: Some(args::Tls::Starttls),
        }
    }

    #[test]
    fn a_project_is_written_once_and_the_next_steps_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("move");
        let (mut ui, out, err) = Ui::in_memory(Some(80));
        assert_eq!(init(&mut ui, &args(&project)).unwrap(), Exit::Done);
        let here = dir.path().display().to_string();
        insta::assert_snapshot!(out.text().replace(&here, "DIR"), @"
        wrote DIR/move/mailhaul.toml
        wrote DIR/move/mailboxes.csv
        ");
        insta::assert_snapshot!(err.text().replace(&here, "DIR"), @"
        next:
          1. `cd DIR/move`
          2. list the mailboxes in `mailboxes.csv`, one per line, with both passwords
          3. `mailhaul check` tries both ends, `mailhaul plan` shows where folders go;
        neither writes anything
          4. `mailhaul run` copies, and may be repeated; `mailhaul verify` compares both
        ends
        ");
        let again = init(&mut ui, &args(&project)).unwrap_err();
        assert_eq!(again.exit, Exit::Input);
        assert!(again.causes[0].sentence.ends_with("mailhaul.toml: it exists already"), "{again:?}");
    }
}
