//! `mailhaul init`: a project to fill in, with the servers found and tried where that is wanted.

use std::io::IsTerminal;
use std::path::Path;

use mailhaul_app::servers::{
    self, Asked, Endpoint, Found, HostFault, Means, Obstacle, Origin, Proposal, Subject, TlsMode,
};
use mailhaul_engine::summary::Side;
use mailhaul_project::Tls;
use mailhaul_project::template::{InitAnswers, SideAnswer, check_host, init as write};

use crate::args::{self, Init};
use crate::drive;
use crate::error::Failure;
use crate::exit::Exit;
use crate::ui::Ui;
use crate::ui::server::{self, doubt};

/// One end of the move.
struct End {
    side: Side,
    /// The table of `mailhaul.toml`.
    table: &'static str,
    /// What people call it.
    words: &'static str,
    question: &'static str,
}

const SOURCE: End = End {
    side: Side::Source,
    table: "source",
    words: "the old host",
    question: "the old host, with the mail (address, domain or host)",
};
const TARGET: End = End {
    side: Side::Target,
    table: "target",
    words: "the new host",
    question: "the new host, for the mail (address, domain or host)",
};

/// What the flags say of one end.
#[derive(Clone)]
enum Given {
    Nothing {
        port: Option<u16>,
        tls: Option<TlsMode>,
    },
    /// To be searched for.
    Search(Asked),
    /// To be taken as it is.
    Host {
        host: String,
        port: Option<u16>,
        tls: Option<TlsMode>,
    },
}

/// Writes `mailhaul.toml` and `mailboxes.csv`. Looks for the servers, and tries them, unless it was told
/// not to; on a terminal it asks for what the flags leave open.
pub(crate) fn init(ui: &mut Ui, args: &Init) -> Result<Exit, Failure> {
    let given = [
        given(args.source.as_deref(), args.source_host.as_deref(), args.source_port, args.source_tls)?,
        given(args.target.as_deref(), args.target_host.as_deref(), args.target_port, args.target_tls)?,
    ];
    if args.name.as_deref().is_some_and(|name| name.chars().any(mailhaul_text::is_unsafe)) {
        let sentence = "the name of the project has a character in it that is not seen";
        return Err(Failure::input(sentence, Some("give `--name` letters, digits, blanks and signs only")));
    }
    let mut answers = InitAnswers { name: args.name.clone().unwrap_or_default(), ..InitAnswers::default() };
    // What would be thrown away is neither looked for nor asked.
    if !["mailhaul.toml", "mailboxes.csv"].iter().any(|name| args.dir.join(name).exists()) {
        let asks = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let search = Search::new(args, asks)?;
        let sides = search.both(ui, given);
        // A name look-up that hangs is not waited for.
        search.runtime.shutdown_background();
        [answers.source, answers.target] = sides?;
    }
    let written = write(&args.dir, &answers)?;
    for path in &written {
        ui.data(&format!("wrote {}\n", mailhaul_text::escape(&path.display().to_string())))?;
    }
    ui.note("next:");
    for (number, step) in (1..).zip(next_steps(&args.dir, &answers)) {
        ui.item(2, &format!("{number}. {step}"));
    }
    Ok(Exit::Done)
}

/// Reads the flags of one end.
fn given(
    search: Option<&str>,
    host: Option<&str>,
    port: Option<u16>,
    tls: Option<args::Tls>,
) -> Result<Given, Failure> {
    match (search, host) {
        (Some(text), _) => Asked::parse(text)
            .map(Given::Search)
            .map_err(|error| Failure::input(format!("`{}`: {error}", mailhaul_text::escape(text)), None)),
        (None, Some(host)) => {
            let host = check_host(host).map_err(|sentence| Failure::input(sentence, None))?;
            Ok(Given::Host { host, port, tls: tls.map(mode) })
        }
        (None, None) => Ok(Given::Nothing { port, tls: tls.map(mode) }),
    }
}

/// How the servers are looked for.
struct Search {
    /// `None` with `--no-search`.
    means: Option<Means>,
    runtime: tokio::runtime::Runtime,
    /// Whether somebody is there to be asked.
    asks: bool,
    accept: bool,
}

impl Search {
    fn new(args: &Init, asks: bool) -> Result<Search, Failure> {
        let means = if args.no_search { None } else { Some(servers::means(&args.resolver)?) };
        Ok(Search { means, runtime: drive::runtime()?, asks, accept: args.accept_found })
    }

    fn both(&self, ui: &mut Ui, [source, target]: [Given; 2]) -> Result<[SideAnswer; 2], Failure> {
        if self.means.is_some()
            && !matches!((&source, &target), (Given::Nothing { .. }, Given::Nothing { .. }))
        {
            ui.note("looking for the servers; nobody logs in, and no password is sent");
        }
        let found = self
            .runtime
            .block_on(async { tokio::join!(self.find(&SOURCE, &source), self.find(&TARGET, &target)) });
        let source = self.decide(ui, &SOURCE, source, found.0)?;
        let target = self.decide(ui, &TARGET, target, found.1)?;
        Ok([source, target])
    }

    /// Looks for one end, for at most half a minute.
    async fn find(&self, end: &End, given: &Given) -> Looked {
        let found = match (given, &self.means) {
            (Given::Nothing { .. }, _) => Found::default(),
            (Given::Search(asked), Some(means)) => servers::search(means, asked).await,
            (Given::Search(asked), None) => Found { proposals: unasked(asked), remarks: Vec::new() },
            (Given::Host { host, port, tls }, means) => {
                let (endpoint, reached) = match means {
                    Some(means) => servers::look(means, host, *port, *tls).await,
                    None => (endpoint(host, *port, *tls), Err(Obstacle::NotTried)),
                };
                let origins = vec![Origin::Typed];
                let proposal = Proposal { endpoint, log_in: None, origins, reached, sure: true };
                Found { proposals: vec![proposal], remarks: Vec::new() }
            }
        };
        let faults = match &self.means {
            Some(means) => servers::explain(means, end.side, &found, server::MAX_SHOWN).await,
            None => Vec::new(),
        };
        Looked { found, faults }
    }

    /// Shows what was found and decides about it, with whoever is there to be asked.
    fn decide(&self, ui: &mut Ui, end: &End, given: Given, looked: Looked) -> Result<SideAnswer, Failure> {
        let (mut given, mut looked) = (given, looked);
        // What a flag names is asked about only where nothing vouches for it.
        let mut prompted = false;
        loop {
            let asked = match &given {
                Given::Nothing { port, tls } => {
                    let asked = if self.asks { self.ask(ui, end)? } else { None };
                    let Some(mut asked) = asked else { return Ok(open(*port, *tls)) };
                    asked.port = asked.port.or(*port);
                    asked.tls = asked.tls.or(*tls);
                    if self.means.is_some() {
                        ui.note("  looking …");
                    }
                    prompted = true;
                    given = Given::Search(asked);
                    looked = self.runtime.block_on(self.find(end, &given));
                    continue;
                }
                Given::Search(asked) => asked.subject.name().to_owned(),
                Given::Host { host, .. } => host.clone(),
            };
            let found = &looked.found;
            server::show(ui, end.words, &asked, found, &looked.faults);
            if found.proposals.is_empty() {
                ui.warn(&format!("no IMAP server was found for {asked}; {} is to be filled in", end.words));
            }
            let chosen = match (found.proposals.first(), prompted) {
                (None, true) => {
                    given = Given::Nothing { port: None, tls: None };
                    continue;
                }
                (None, false) => {
                    let notes = vec![format!("No IMAP server was found for {asked}.")];
                    return Ok(SideAnswer { notes, ..SideAnswer::default() });
                }
                (Some(first), false) => {
                    (first, self.accept || named(first) || (self.asks && agreed(ui, first)?))
                }
                (Some(_), true) => match self.choose(ui, found)? {
                    Choice::Take(at) => {
                        let Some(proposal) = found.proposals.get(at) else { continue };
                        // The number was typed with the doubt in sight, which is a yes.
                        (proposal, true)
                    }
                    Choice::Other(asked) => {
                        given = Given::Search(asked);
                        looked = self.runtime.block_on(self.find(end, &given));
                        continue;
                    }
                    Choice::Later => return Ok(SideAnswer::default()),
                },
            };
            let (proposal, decided) = chosen;
            if !decided {
                ui.warn(&format!(
                    "{}: {}, so it is written as a comment under `[{}]`",
                    proposal.endpoint,
                    doubt(proposal),
                    end.table
                ));
                ui.hint("when it is right, remove the `#`, or begin anew with `--accept-found`");
            }
            return Ok(answer(proposal, decided));
        }
    }

    /// Asks for one end; `None` to fill it in later.
    fn ask(&self, ui: &mut Ui, end: &End) -> Result<Option<Asked>, Failure> {
        loop {
            let Some(text) = ui.ask(end.question, "-")? else { return Err(nobody()) };
            if text == "-" {
                return Ok(None);
            }
            match Asked::parse(&text) {
                Ok(asked) => return Ok(Some(asked)),
                Err(error) => ui.warn(&error.to_string()),
            }
        }
    }

    /// Lets one of what was found be chosen, by its number where nothing vouches for it; Enter alone takes
    /// the first that needs no consent.
    fn choose(&self, ui: &mut Ui, found: &Found) -> Result<Choice, Failure> {
        let shown = found.proposals.len().min(server::MAX_SHOWN);
        let is_doubted = |proposal: &&Proposal| !self.accept && !named(proposal);
        for proposal in found.proposals.iter().take(shown).filter(is_doubted) {
            ui.warn(&format!("{}: {}", proposal.endpoint, doubt(proposal)));
        }
        let default = if found.proposals.first().is_some_and(|first| is_doubted(&first)) { "" } else { "1" };
        let numbers = if shown == 1 { "1 to take it".to_owned() } else { format!("1 to {shown}") };
        loop {
            let question = format!("  {numbers}, another host, or - to fill it in later");
            let Some(text) = ui.ask(&question, default)? else { return Err(nobody()) };
            match (text.as_str(), text.parse::<usize>()) {
                ("-", _) => return Ok(Choice::Later),
                (_, Ok(number)) if (1..=shown).contains(&number) => return Ok(Choice::Take(number - 1)),
                (_, Ok(_)) => ui.warn(&format!("a number from 1 to {shown} is meant")),
                (text, Err(_)) => match Asked::parse(text) {
                    Ok(asked) => return Ok(Choice::Other(asked)),
                    Err(error) => ui.warn(&error.to_string()),
                },
            }
        }
    }
}

/// What was found for one end, and what is wrong with each of it.
struct Looked {
    found: Found,
    faults: Vec<Option<HostFault>>,
}

enum Choice {
    Take(usize),
    Other(Asked),
    Later,
}

fn nobody() -> Failure {
    Failure::input(
        "no answer on standard input; nothing was written",
        Some("`--source ADDRESS --target ADDRESS` answer without questions"),
    )
}

/// Asks whether a server is meant that nothing vouches for.
fn agreed(ui: &mut Ui, proposal: &Proposal) -> Result<bool, Failure> {
    ui.warn(&format!("{}: {}", proposal.endpoint, doubt(proposal)));
    ui.agree(&format!("  is {} the right one?", proposal.endpoint.host))
}

/// Whether the server may be used without asking: it is sure, or it is what somebody has typed. A name that
/// DNS does not have was typed wrong.
fn named(proposal: &Proposal) -> bool {
    let typed = || proposal.origins.iter().all(|origin| *origin == Origin::Typed);
    proposal.sure || typed() && !server::is_unknown(proposal)
}

/// What is proposed when nobody may be asked: what ships, else what was typed, where it can be a host.
fn unasked(asked: &Asked) -> Vec<Proposal> {
    let proposal = |endpoint, log_in, origin| Proposal {
        endpoint,
        log_in,
        origins: vec![origin],
        reached: Err(Obstacle::NotTried),
        sure: true,
    };
    match (servers::known(asked), &asked.subject) {
        (Some((endpoint, log_in, origin)), _) => vec![proposal(endpoint, Some(log_in), origin)],
        (None, Subject::Address { .. }) => Vec::new(),
        (None, Subject::Name(host) | Subject::Host(host)) => {
            vec![proposal(endpoint(host, asked.port, asked.tls), None, Origin::Typed)]
        }
    }
}

fn endpoint(host: &str, port: Option<u16>, tls: Option<TlsMode>) -> Endpoint {
    let usual =
        if port == Some(TlsMode::StartTls.default_port()) { TlsMode::StartTls } else { TlsMode::Implicit };
    let tls = tls.unwrap_or(usual);
    Endpoint::with_port(host, port.unwrap_or(tls.default_port()), tls)
}

/// What is written of an end without a host: the example's, to be filled in.
fn open(port: Option<u16>, tls: Option<TlsMode>) -> SideAnswer {
    SideAnswer { port, tls: tls.map(protection).unwrap_or_default(), ..SideAnswer::default() }
}

fn answer(proposal: &Proposal, decided: bool) -> SideAnswer {
    let Endpoint { host, port, tls } = &proposal.endpoint;
    let shown = proposal.reached.as_ref().err().and_then(Obstacle::certificate);
    SideAnswer {
        host: Some(host.clone()),
        port: (*port != tls.default_port()).then_some(*port),
        tls: protection(*tls),
        fingerprint: shown.map(|certificate| certificate.fingerprint.to_string()),
        undecided: !decided,
        notes: server::notes(proposal, decided),
    }
}

fn protection(tls: TlsMode) -> Tls {
    match tls {
        TlsMode::Implicit => Tls::Implicit,
        TlsMode::StartTls => Tls::Starttls,
        TlsMode::None => Tls::None,
    }
}

fn mode(tls: args::Tls) -> TlsMode {
    match tls {
        args::Tls::Implicit => TlsMode::Implicit,
        args::Tls::Starttls => TlsMode::StartTls,
        args::Tls::None => TlsMode::None,
    }
}

fn next_steps(dir: &Path, answers: &InitAnswers) -> Vec<String> {
    let mut steps = Vec::new();
    if dir != Path::new(".") {
        steps.push(format!("`cd {}`", dir.display()));
    }
    let sides = [(&SOURCE, &answers.source), (&TARGET, &answers.target)];
    let open = |side: &SideAnswer| side.host.is_none() || side.undecided;
    let open: Vec<String> = sides
        .iter()
        .filter(|(_, answer)| open(answer))
        .map(|(side, _)| format!("`[{}]`", side.table))
        .collect();
    if !open.is_empty() {
        steps.push(format!("decide about the host under {} in `mailhaul.toml`", open.join(" and ")));
    }
    steps.push("list the mailboxes in `mailboxes.csv`, one per line, with both passwords".to_owned());
    steps.push(
        "`mailhaul check` tries both ends, `mailhaul plan` shows where folders go; neither writes anything"
            .to_owned(),
    );
    steps.push("`mailhaul run` copies, and may be repeated; `mailhaul verify` compares both ends".to_owned());
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(dir: &Path) -> Init {
        Init {
            dir: dir.to_owned(),
            name: Some("old to new".into()),
            source: None,
            source_host: Some("mail.old.example".into()),
            source_port: None,
            source_tls: None,
            target: None,
            target_host: Some("mail.new.example".into()),
            target_port: Some(1143),
            target_tls: Some(args::Tls::Starttls),
            accept_found: false,
            no_search: true,
            resolver: Vec::new(),
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

    #[test]
    fn without_a_search_what_ships_is_used_and_an_address_leads_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("move");
        let (mut ui, _, err) = Ui::in_memory(Some(80));
        let given = Init {
            source: Some("anna@firm.example".into()),
            source_host: None,
            target: Some("anna@web.de".into()),
            target_host: None,
            target_port: None,
            target_tls: None,
            ..args(&project)
        };
        init(&mut ui, &given).unwrap();
        let text = std::fs::read_to_string(project.join("mailhaul.toml")).unwrap();
        assert!(
            text.contains(
                "# No IMAP server was found for firm.example.\n# An example, made up: write the real"
            ) && text.contains("\n#host = \"mail.olddomain.example\"\n"),
            "{text}"
        );
        assert!(
            text.contains("\nhost = \"imap.web.de\"\n") && text.contains("what stands before the @"),
            "{text}"
        );
        assert!(err.text().contains("no IMAP server was found for firm.example"), "{}", err.text());
    }

    #[test]
    fn a_name_that_is_not_seen_is_refused_without_a_file_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a\u{7}b", "a\nb", "\u{202e}x"] {
            let given = Init { name: Some(name.into()), ..args(dir.path()) };
            let (mut ui, ..) = Ui::in_memory(Some(80));
            let failure = init(&mut ui, &given).unwrap_err();
            assert_eq!(failure.exit, Exit::Input);
            let said = format!("{failure:?}");
            assert!(said.contains("--name") && !said.contains("mailhaul.toml"), "{said}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_server_is_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for (search, host) in [(Some("https://x"), None), (None, Some("imap://x"))] {
            let given = Init {
                source: search.map(str::to_owned),
                source_host: host.map(str::to_owned),
                ..args(dir.path())
            };
            let (mut ui, ..) = Ui::in_memory(Some(80));
            assert_eq!(init(&mut ui, &given).unwrap_err().exit, Exit::Input);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
