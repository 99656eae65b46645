//! The command line: every command and option of the contract, those not built yet included, so
//! that they are refused by name instead of being mistaken for typing errors.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use mailhaul_author::Language;
use mailhaul_engine::choice::MailboxChoice;
use mailhaul_engine::code::Code;
use mailhaul_engine::job::Newest;
use mailhaul_engine::mailbox_state::MailboxState;
use mailhaul_plugin_host::Kind;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Moves mailboxes from one IMAP server to another: nothing lost, nothing twice, and proven.
#[derive(Debug, Parser)]
#[command(name = "mailhaul", version, max_term_width = 80, arg_required_else_help = true)]
#[command(after_help = "A first migration: `mailhaul init`, fill in the two files, then `mailhaul check`, \
                        `mailhaul plan` and `mailhaul run`. Of these only `run` writes to a server, and \
                        `mailhaul provision`, which creates mailboxes.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Returns the definition without the hidden commands, which are not built yet: for completions and
    /// manual pages.
    pub(crate) fn built() -> clap::Command {
        let all = <Self as clap::CommandFactory>::command();
        let built: Vec<clap::Command> =
            all.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
        // clap has no way to take a command out again.
        let bare = clap::Command::new("mailhaul").version(env!("CARGO_PKG_VERSION"));
        let bare = bare.about(all.get_about().cloned().unwrap_or_default());
        let bare = bare.after_help(all.get_after_help().cloned().unwrap_or_default());
        bare.args(all.get_arguments().cloned()).subcommands(built)
    }
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Project file [default: `mailhaul.toml` here or in a folder above]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How data is printed [default: text]
    // `report` and `check` have an argument of the same id that takes more formats.
    #[arg(long, value_name = "FORMAT", global = true, value_parser = text_or_json())]
    pub format: Option<Format>,
    /// Say more (-vv: much more); the log file always has the details
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print results and errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    pub color: Color,
    /// No moving progress, even on a terminal
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One document; `run`: one event per line
    Json,
    /// One page for browsers that needs nothing else
    Html,
    /// For spreadsheets
    Csv,
    /// For build servers
    Junit,
}

fn text_or_json() -> impl clap::builder::TypedValueParser<Value = Format> {
    one_of(&["text", "json"])
}

fn text_json_or_csv() -> impl clap::builder::TypedValueParser<Value = Format> {
    one_of(&["text", "json", "csv"])
}

fn assessment_format() -> impl clap::builder::TypedValueParser<Value = Format> {
    one_of(&["text", "json", "csv", "html"])
}

/// Takes some of the formats, as their names.
fn one_of(names: &'static [&'static str]) -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::{PossibleValuesParser, TypedValueParser as _};
    PossibleValuesParser::new(names).map(|value| match value.as_str() {
        "json" => Format::Json,
        "csv" => Format::Csv,
        "html" => Format::Html,
        _ => Format::Text,
    })
}

/// The commands, in the order of a migration.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find both servers, try them, and write the two files to fill in
    Init(Init),
    /// Sizes, risks and time, before a date is promised; writes nothing
    Assess(Assess),
    /// Try every mailbox on both ends; writes nothing
    Check(Check),
    /// Show where every folder would go, and why; writes nothing
    Plan(Plan),
    /// Create the mailboxes missing on the new host, or list them
    Provision(Provision),
    /// Copy what is missing; safe to repeat, continues where it stopped
    Run(Run),
    /// Send again what failed for one reason, also what was given up, and nothing else
    Retry(Retry),
    /// Compare both ends; writes nothing to the servers
    Verify(Verify),
    /// Take back from the target exactly what this project put there
    Undo(Undo),
    /// The record of the move; connects to nothing
    Report(Report),
    /// Where the project stands; connects to nothing
    Status(Status),
    /// The passwords that the project keeps itself, sealed
    #[command(subcommand)]
    Secrets(Secrets),
    /// What `provision` made, for the owners of the mailboxes
    #[command(subcommand)]
    Passwords(Passwords),
    /// Plugins: what they are and what they may do
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Print a manual page, or write all of them
    Man(Man),

    #[command(hide = true, disable_help_flag = true)]
    Certificate(Ignored),
    #[command(hide = true, disable_help_flag = true)]
    Signoff(Ignored),
    #[command(hide = true, disable_help_flag = true)]
    Cutover(Ignored),
    #[command(hide = true, disable_help_flag = true)]
    Serve(Ignored),
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder to write into; created if need be
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Name of the project [default: the folder's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Find the old host: a mail address, a domain, or a host as in "HOST:PORT SSL/TLS"
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["source_host", "source_port", "source_tls"])]
    pub source: Option<String>,
    /// The old host, which is not searched for
    #[arg(long, value_name = "HOST")]
    pub source_host: Option<String>,
    /// Its port, when it is not the usual one
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub source_port: Option<u16>,
    /// How the connection to it is protected [default: what it offers, else implicit]
    #[arg(long, value_name = "TLS", value_enum)]
    pub source_tls: Option<Tls>,
    /// Find the new host: a mail address, a domain, or a host as in "HOST:PORT SSL/TLS"
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["target_host", "target_port", "target_tls"])]
    pub target: Option<String>,
    /// The new host, which is not searched for
    #[arg(long, value_name = "HOST")]
    pub target_host: Option<String>,
    /// Its port, when it is not the usual one
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub target_port: Option<u16>,
    /// How the connection to it is protected [default: what it offers, else implicit]
    #[arg(long, value_name = "TLS", value_enum)]
    pub target_tls: Option<Tls>,
    /// Also use a server that was found by DNS or plain http alone
    #[arg(long)]
    pub accept_found: bool,
    /// Search for nothing, connect to nothing
    #[arg(long, visible_alias = "offline", conflicts_with = "resolver")]
    pub no_search: bool,
    /// Ask this DNS server instead of the system's; may be repeated
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = resolver)]
    pub resolver: Vec<SocketAddr>,
}

/// Reads a DNS server's address; its port is 53 unless it says otherwise.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().map(|address: IpAddr| SocketAddr::new(address, 53));
    address
        .or_else(|_| text.parse())
        .map_err(|_| "an IP address is meant, as in 9.9.9.9 or [2001:db8::1]:53".to_owned())
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tls {
    /// TLS from the first byte, port 993; also `ssl`, `tls`
    #[value(aliases = ["ssl", "tls", "ssl/tls"])]
    Implicit,
    /// TLS after STARTTLS, port 143
    Starttls,
    /// Clear text: only for a server on this machine or a trusted line
    None,
}

/// Which mailboxes.
#[derive(Debug, Args)]
pub(crate) struct Select {
    /// Only this mailbox (its source log-in, or a pattern such as '*@example.org'); may be repeated
    #[arg(long, value_name = "MAILBOX")]
    pub only: Vec<String>,
    /// Only mailboxes of this batch of the list; may be repeated; with --only those that fit both
    #[arg(long, value_name = "BATCH")]
    pub batch: Vec<String>,
}

impl Select {
    /// Returns the choice that was typed.
    pub(crate) fn choice(&self) -> MailboxChoice {
        MailboxChoice { only: self.only.clone(), batches: self.batch.clone() }
    }

    /// Returns whether every mailbox is meant.
    pub(crate) fn is_all(&self) -> bool {
        self.only.is_empty() && self.batch.is_empty()
    }
}

/// `assess`.
#[derive(Debug, Args)]
pub(crate) struct Assess {
    /// How it is written [default: after the name in --out, else text]
    #[arg(long, value_name = "FORMAT", value_parser = assessment_format())]
    pub format: Option<Format>,
    /// Write to this file instead of standard output, e.g. offer.csv, client.html
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Read also what an earlier assessment has read
    #[arg(long)]
    pub again: bool,
    #[command(flatten)]
    pub select: Select,
}

/// `plan`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Plan {
    #[command(subcommand)]
    pub command: Option<PlanCommand>,
    /// Write the plan to a file that `run --plan` and `plan approve` take
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Hold it against the plan in this file, not against each mailbox's last one
    #[arg(long, value_name = "FILE", conflicts_with = "explain")]
    pub against: Option<PathBuf>,
    /// Print the page of every mailbox, however many there are
    #[arg(long, conflicts_with = "explain")]
    pub each: bool,
    /// Tell the whole story of one source folder
    #[arg(long, value_name = "FOLDER")]
    pub explain: Option<String>,
    #[command(flatten)]
    pub select: Select,
}

/// What can be done with a plan that was made.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Record that somebody approves a plan; connects to nothing
    Approve(Approve),
}

/// `plan approve`.
#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The plan, as `plan --out` wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Who approves it: the name stands in the record and in the audit trail
    #[arg(long, value_name = "NAME")]
    pub by: String,
}

/// `provision`.
#[derive(Debug, Args)]
pub(crate) struct Provision {
    /// Only say what is missing
    #[arg(long)]
    pub dry_run: bool,
    /// Also add the passwords that are made to this file, which only you can read, and use those in it
    #[arg(long, value_name = "FILE")]
    pub passwords: Option<PathBuf>,
    /// What a quota has on top of the source's mail where the list gives none; `none` leaves it to the
    /// new host
    #[arg(long, value_name = "PERCENT", default_value = "20%", value_parser = margin)]
    pub quota_margin: Margin,
}

/// What `--quota-margin` says: percent; `None` for the new host's own quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Margin(pub Option<u32>);

/// Most percent of a margin: more is a slip of the pen.
const MARGIN: u32 = 1_000;

/// Reads `none`, `20` or `20%`.
fn margin(text: &str) -> Result<Margin, String> {
    if text == "none" {
        return Ok(Margin(None));
    }
    let number = text.strip_suffix('%').unwrap_or(text);
    let percent = number.parse().ok().filter(|percent| *percent <= MARGIN);
    percent
        .map(|percent| Margin(Some(percent)))
        .ok_or_else(|| format!("a percentage from 0 to {MARGIN} is meant, such as 20%, or `none`"))
}

/// `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Follow this plan exactly, as `plan --out` wrote it
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub select: Select,
    /// Only messages that are newer than this age: 90d, 12w, 6m (of 30 days), 1y; the rest stays pending
    #[arg(long, value_name = "AGE", value_parser = age, conflicts_with = "delete_gone")]
    pub newest: Option<Newest>,
    /// Move copies of what the source no longer has to `mailhaul-removed` on the target: at most a
    /// tenth of a mailbox and 100 messages a run
    #[arg(long)]
    pub delete_gone: bool,
    /// Begin also mailboxes that are known to be more than their target has room for
    #[arg(long)]
    pub over_quota: bool,
    #[arg(long, hide = true, value_name = "ADDR", num_args = 0..=1, default_missing_value = "")]
    pub dashboard: Option<String>,
}

/// `undo`.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Only the copies of this source folder, and of none below it; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub folder: Vec<String>,
    #[command(flatten)]
    pub select: Select,
}

/// `retry`.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// The reason, as `report` names it: refused, limit, too-big, not-stored …
    #[arg(long, value_name = "CODE", value_parser = code)]
    pub reason: Code,
    #[command(flatten)]
    pub select: Select,
}

/// `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// What is compared
    #[arg(long, value_enum, default_value_t)]
    pub depth: Depth,
    /// Look at this part of the messages only, at least one a folder; message lists are always compared whole
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = percent)]
    pub sample: u8,
    /// Choose the same messages again as the sample that printed this number
    #[arg(long, value_name = "NUMBER", requires = "sample")]
    pub seed: Option<u32>,
    #[command(flatten)]
    pub select: Select,
}

/// How deep `verify` goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Depth {
    /// Message lists of both sides
    Counts,
    /// Also flags, dates, sizes and headers
    #[default]
    Headers,
    /// Also whole messages, byte for byte
    Full,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// How data is printed: text, json, or csv with one row a mailbox and side [default: text]
    #[arg(long, value_name = "FORMAT", value_parser = text_json_or_csv())]
    pub format: Option<Format>,
    #[command(flatten)]
    pub select: Select,
}

/// `report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// How it is written [default: after the name in --out, else text]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only mailboxes of this batch of the list; may be repeated
    #[arg(long, value_name = "BATCH")]
    pub batch: Vec<String>,
}

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Keep showing it until nothing runs any more
    #[arg(long, conflicts_with_all = ["fix_list", "history"])]
    pub watch: bool,
    /// Only mailboxes in this state: blocked, failed, running, copied, proven …; may be repeated
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Vec<MailboxState>,
    /// Only mailboxes of this batch of the list; may be repeated
    #[arg(long, value_name = "BATCH")]
    pub batch: Vec<String>,
    /// Only this mailbox (its source log-in); may be repeated
    #[arg(long, value_name = "MAILBOX")]
    pub mailbox: Vec<String>,
    /// What has to be done, by whom, with the text to send; in Markdown, or as a table
    #[arg(long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "markdown")]
    pub fix_list: Option<FixList>,
    /// What happened: the newest runs, who asked for them, and what else was done
    #[arg(long, conflicts_with_all = ["fix_list", "state", "batch", "mailbox"])]
    pub history: bool,
}

/// The form of `status --fix-list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixList {
    /// To read, and to send
    Markdown,
    /// For spreadsheets
    Csv,
}

/// Reads the name of a state.
fn state(text: &str) -> Result<MailboxState, String> {
    MailboxState::parse(text).ok_or_else(|| {
        let names: Vec<&str> = MailboxState::ALL.iter().map(|state| state.as_str()).collect();
        format!("one of these is meant: {}", names.join(", "))
    })
}

/// `secrets`.
#[derive(Debug, Subcommand)]
pub(crate) enum Secrets {
    /// Store a password, which is asked for, or read from standard input
    Set(SecretPlace),
    /// What is stored, for which log-ins, since when; no password
    List,
    /// Remove a password from the store
    Remove(RemoveSecret),
    /// Give the passwords of one host to another: the same server under a new name
    Move(MoveSecrets),
    /// Move the passwords of a list into the store, and empty their cells in the file
    Take(Take),
    /// Keep a copy of the store's key under a passphrase, which is asked for
    Passphrase(PassphraseOfKey),
}

/// `secrets set`.
#[derive(Debug, Args)]
pub(crate) struct SecretPlace {
    /// Which end it signs in at
    #[arg(long, value_name = "SIDE", value_enum)]
    pub side: End,
    /// The log-in it is for
    #[arg(long, value_name = "LOGIN")]
    pub user: String,
    /// The host it is for, with `:PORT` unless that is 143 or 993 [default: the project's]
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
}

/// `secrets remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveSecret {
    /// Which end it signs in at
    #[arg(long, value_name = "SIDE", value_enum, required_unless_present = "all", conflicts_with = "all")]
    pub side: Option<End>,
    /// The log-in it is for
    #[arg(long, value_name = "LOGIN", required_unless_present = "all", conflicts_with = "all")]
    pub user: Option<String>,
    /// The host it is for [default: the project's]
    #[arg(long, value_name = "HOST", conflicts_with = "all")]
    pub host: Option<String>,
    /// Every password, also when the key is gone: the store begins anew
    #[arg(long)]
    pub all: bool,
    /// Do not ask
    #[arg(long, short, requires = "all")]
    pub yes: bool,
}

/// `secrets move`.
#[derive(Debug, Args)]
pub(crate) struct MoveSecrets {
    /// Which end they sign in at
    #[arg(long, value_name = "SIDE", value_enum)]
    pub side: End,
    /// The host they are for, as `secrets list` shows it
    #[arg(long, value_name = "HOST")]
    pub from: String,
    /// The host they shall be for [default: the project's]
    #[arg(long, value_name = "HOST")]
    pub to: Option<String>,
}

/// `secrets take`.
#[derive(Debug, Args)]
pub(crate) struct Take {
    /// A list with the columns source_password or target_password, e.g. mailboxes.csv
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `secrets passphrase`.
#[derive(Debug, Args)]
pub(crate) struct PassphraseOfKey {
    /// Write the key file again, from that copy
    #[arg(long)]
    pub restore: bool,
}

/// `passwords`.
#[derive(Debug, Subcommand)]
pub(crate) enum Passwords {
    /// Write log-ins and temporary passwords to a sheet, or one for each domain
    Export(Export),
}

/// `passwords export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to write, which only you can read; with several domains each has a file of its own
    #[arg(long, value_name = "FILE", default_value = "passwords.csv")]
    pub out: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// `plugin`.
#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// The plugins that ship with mailhaul, and those the project names
    List,
    /// What a plugin is, may do and wants, in plain words
    Inspect(Inspect),

    /// Begin a plugin: writes `./NAME/` with a working example
    New(New),
    /// Compile the plugin in a folder into the one file to ship
    Build(Build),
    /// Whether mailhaul would take a plugin; asks it nothing
    Check(CheckPlugin),
    /// Ask a plugin every fixture of its folder and compare the answers
    Test(TestPlugin),
    /// Ask a plugin one request, read from standard input
    Call(Call),
    /// Write what your own project would ask a plugin, redacted, as a fixture
    Record(Record),
    /// Trust a component file, exactly as it is now: writes plugins.lock
    Add(Add),
    /// Trust a plugin again after its file changed; shows what is different
    Update(OnePlugin),
    /// Trust a plugin no longer
    Remove(OnePlugin),
    /// How a file differs from what plugins.lock says
    Diff(OnePlugin),
    /// Grant, or take back, what a plugin asks for
    Grant(Grant),
}

/// `plugin add`.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// A component file in the project, e.g. `./acme.wasm`
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// A plugin of `plugins.lock`.
#[derive(Debug, Args)]
pub(crate) struct OnePlugin {
    /// Its id or its file
    #[arg(value_name = "ID|FILE")]
    pub plugin: String,
}

/// `plugin grant`.
#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// A plugin of plugins.lock: its id or its file
    #[arg(value_name = "ID|FILE")]
    pub plugin: String,
    /// What it asks for: an origin, the name of a secret, `create-mailboxes` or `set-quota`
    #[arg(value_name = "WHAT", required_unless_present_any = ["all", "private"])]
    pub what: Vec<String>,
    /// Everything it asks for
    #[arg(long, conflicts_with = "what")]
    pub all: bool,
    /// This origin, even where its name leads to a private network
    #[arg(long, value_name = "ORIGIN")]
    pub private: Vec<String>,
    /// Take it back instead
    #[arg(long)]
    pub revoke: bool,
}

/// `plugin inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// An id, e.g. `roles`, or a component file, e.g. `./acme.wasm`
    #[arg(value_name = "ID|FILE")]
    pub plugin: String,
}

/// `plugin new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// folder-mapper, mailbox-source, validator, server-profile or mailbox-provisioner
    #[arg(value_name = "KIND", value_parser = crate::commands::plugin::author::kind)]
    pub kind: Kind,
    /// Its id, and the folder's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What it will be written in
    #[arg(long, value_enum, value_name = "LANGUAGE", default_value_t)]
    pub lang: Lang,
}

/// Languages with an SDK.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Needs cargo only
    #[default]
    Rust,
    /// JavaScript; needs jco
    Js,
    /// Python; needs componentize-py
    Python,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Rust => Self::Rust,
            Lang::Js => Self::Js,
            Lang::Python => Self::Python,
        }
    }
}

/// `plugin build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The plugin's folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `plugin check`.
#[derive(Debug, Args)]
pub(crate) struct CheckPlugin {
    /// A plugin's folder, a component file, or an id
    #[arg(value_name = "DIR|FILE|ID", default_value = ".")]
    pub plugin: String,
}

/// `plugin test`.
#[derive(Debug, Args)]
pub(crate) struct TestPlugin {
    /// The plugin's folder
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// As if this had not been granted
    #[arg(long, value_name = "WHAT", value_enum)]
    pub deny: Option<Denial>,
    /// Every function of the host takes a quarter of a second
    #[arg(long)]
    pub slow_host: bool,
}

/// What can be denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Denial {
    /// Every origin
    Http,
}

/// `plugin call`.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// What it is asked as
    #[arg(value_name = "KIND", value_parser = crate::commands::plugin::author::kind)]
    pub kind: Kind,
    /// A plugin's folder, a component file, or an id
    #[arg(value_name = "DIR|FILE|ID", default_value = ".")]
    pub plugin: String,
}

/// `plugin record`.
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// What is asked
    #[arg(value_name = "KIND", value_parser = crate::commands::plugin::author::kind)]
    pub kind: Kind,
    /// This mailbox instead of the first
    #[arg(long, value_name = "MAILBOX")]
    pub only: Option<String>,
    /// For a server-profile: which server
    #[arg(long, value_name = "SIDE", value_enum)]
    pub side: Option<End>,
    /// For a mailbox-provisioner: create one missing mailbox, for real, and record that
    #[arg(long)]
    pub create: bool,
    /// Take the answer this plugin gives for the one that is expected
    #[arg(long, value_name = "DIR|FILE|ID")]
    pub answered_by: Option<String>,
    /// The fixture to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// An end of the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum End {
    /// The old host
    Source,
    /// The new host
    Target,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command the page is about, e.g. `run`, or `plugin build` [default: mailhaul itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write a page for every command into this folder; created if need be
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub out: Option<PathBuf>,
}

/// Not built yet
#[derive(Debug, Args)]
pub(crate) struct Ignored {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub rest: Vec<OsString>,
}

/// Parses `retry --reason`: only codes of messages that a run no longer sends are accepted.
fn code(text: &str) -> Result<Code, String> {
    let failures = || Code::ALL.iter().filter(|code| code.is_given_up());
    failures().copied().find(|code| code.as_str() == text).ok_or_else(|| {
        format!(
            "one of these is meant: {}",
            failures().map(|code| code.as_str()).collect::<Vec<_>>().join(", ")
        )
    })
}

/// Parses an age in days, weeks, months of 30 days or years of 365, a day at least and a century at most.
fn age(text: &str) -> Result<Newest, String> {
    const DAY: u64 = 24 * 60 * 60;
    const LONGEST: u64 = 100 * 365;
    let form = || "an age such as 90d, 12w, 6m (of 30 days) or 1y is meant".to_owned();
    let written = text.trim();
    let digits = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
    let (number, unit) = written.split_at(digits);
    let days = match unit.trim().to_lowercase().as_str() {
        "d" | "day" | "days" => 1,
        "w" | "week" | "weeks" => 7,
        "m" | "month" | "months" => 30,
        "y" | "year" | "years" => 365,
        _ => return Err(form()),
    };
    let days = number.parse::<u64>().map_err(|_| form())?.saturating_mul(days);
    match days {
        0 => Err(format!("it leaves everything out; {}", form())),
        days if days > LONGEST => Err(format!("it is longer than a century; {}", form())),
        days => Ok(Newest { age: Duration::from_secs(days * DAY), written: written.to_owned() }),
    }
}

/// Parses a percentage from 1 to 100; its sign may be left out.
fn percent(text: &str) -> Result<u8, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse() {
        Ok(percent @ 1..=100) => Ok(percent),
        _ => Err("a percentage from 1 to 100 is meant".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("mailhaul").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn approving_is_a_command_below_plan() {
        for line in ["plan approve p.json --by Lea", "plan approve p.json --by Lea --format json -q"] {
            let Command::Plan(plan) = parse(line).unwrap().command else { panic!("not a plan") };
            let Some(PlanCommand::Approve(approve)) = plan.command else { panic!("not an approval") };
            assert_eq!((approve.file.to_str(), approve.by.as_str()), (Some("p.json"), "Lea"));
        }
        for line in ["plan --only a", "plan --out p.json --against q.json --each"] {
            assert!(
                matches!(parse(line).unwrap().command, Command::Plan(Plan { command: None, .. })),
                "{line}"
            );
        }
        for line in ["plan approve p.json", "plan approve --by Lea", "plan --each approve p.json --by Lea"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in ["--format json run", "run --format json"] {
            assert_eq!(parse(line).unwrap().global.format, Some(Format::Json), "{line}");
        }
        let cli = parse("plugin list -vv --config x.toml --color never --no-progress").unwrap();
        assert_eq!((cli.global.verbose, cli.global.color), (2, Color::Never));
        assert!(parse("run -q -v").is_err());
    }

    #[test]
    fn report_has_formats_of_its_own() {
        let Command::Report(report) = parse("report --format junit --out x").unwrap().command else {
            panic!("not a report")
        };
        assert_eq!(report.format, Some(Format::Junit));
        let Command::Report(report) = parse("--format json report").unwrap().command else {
            panic!("not a report")
        };
        assert_eq!(
            report.format.or(parse("--format json report").unwrap().global.format),
            Some(Format::Json)
        );
        assert!(parse("plan --format junit").is_err() && parse("assess --format junit").is_err());
        for (line, format) in [("check --format csv", Format::Csv), ("check --format json", Format::Json)] {
            let Command::Check(check) = parse(line).unwrap().command else { panic!("not a check") };
            assert_eq!(check.format, Some(format));
        }
        for line in ["plan --format csv", "status --format csv", "check --format html"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn resolvers_are_addresses() {
        for (text, address) in [
            ("9.9.9.9", Some("9.9.9.9:53")),
            ("127.0.0.1:5353", Some("127.0.0.1:5353")),
            ("2001:db8::1", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]:54", Some("[2001:db8::1]:54")),
            ("dns.example", None),
            ("", None),
        ] {
            assert_eq!(resolver(text).ok(), address.map(|address| address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_hoster_s_words_for_tls_are_known() {
        for (word, tls) in [("ssl", Tls::Implicit), ("tls", Tls::Implicit), ("ssl/tls", Tls::Implicit)] {
            let parsed = parse(&format!("init --source-host x --source-tls {word}")).unwrap().command;
            assert!(
                matches!(parsed, Command::Init(Init { source_tls: Some(read), .. }) if read == tls),
                "{word}"
            );
        }
        assert!(parse("init --source a.example --source-host b.example").is_err());
    }

    #[test]
    fn sampling_takes_a_percentage() {
        for (text, ok) in [("1", true), ("100%", true), ("0", false), ("101", false), ("x", false)] {
            assert_eq!(percent(text).is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn an_age_has_a_unit() {
        let days = |text: &str| age(text).map(|age| age.age.as_secs() / 86_400);
        for (text, number) in [
            ("90d", 90),
            ("90 days", 90),
            ("1 day", 1),
            ("12w", 84),
            ("6m", 180),
            ("1Y", 365),
            (" 2 weeks ", 14),
        ] {
            assert_eq!(days(text), Ok(number), "{text}");
        }
        for text in ["90", "", "d", "-1d", "1.5y", "90min", "1h", "99999999999999999999d"] {
            assert_eq!(
                days(text),
                Err("an age such as 90d, 12w, 6m (of 30 days) or 1y is meant".into()),
                "{text}"
            );
        }
        assert!(days("0d").is_err() && days("101y").is_err());
        assert_eq!(age("90 days").unwrap().written, "90 days");
        assert!(parse("run --newest 90d --batch a --batch b --only x").is_ok());
        assert!(parse("run --newest 90d --delete-gone").is_err(), "what is older is no gone message");
    }

    #[test]
    fn a_margin_is_a_percentage_or_none() {
        for (text, margin) in [("none", None), ("0", Some(0)), ("25%", Some(25)), ("1000", Some(1_000))] {
            assert_eq!(super::margin(text), Ok(Margin(margin)), "{text}");
        }
        for text in ["", "%", "-1", "1001", "20 %", "nothing"] {
            assert!(super::margin(text).is_err(), "{text}");
        }
        assert_eq!(mailhaul_app::provision::MARGIN, 20, "what the help says");
    }

    #[test]
    fn what_is_not_built_yet_swallows_its_arguments() {
        for line in ["undo --only x", "cutover watch --help", "serve"] {
            assert!(parse(line).is_ok(), "{line}");
        }
        assert!(parse("frobnicate").is_err());
    }

    #[test]
    fn help_fits_eighty_columns() {
        let mut command = Cli::command().term_width(80);
        insta::assert_snapshot!(command.render_help().to_string(), @"
        Moves mailboxes from one IMAP server to another: nothing lost, nothing twice,
        and proven

        Usage: mailhaul [OPTIONS] <COMMAND>

        Commands:
          init         Find both servers, try them, and write the two files to fill in
          assess       Sizes, risks and time, before a date is promised; writes nothing
          check        Try every mailbox on both ends; writes nothing
          plan         Show where every folder would go, and why; writes nothing
          provision    Create the mailboxes missing on the new host, or list them
          run          Copy what is missing; safe to repeat, continues where it stopped
          retry        Send again what failed for one reason, also what was given up,
                       and nothing else
          verify       Compare both ends; writes nothing to the servers
          undo         Take back from the target exactly what this project put there
          report       The record of the move; connects to nothing
          status       Where the project stands; connects to nothing
          secrets      The passwords that the project keeps itself, sealed
          passwords    What `provision` made, for the owners of the mailboxes
          plugin       Plugins: what they are and what they may do
          completions  Print what a shell needs to complete commands and options
          man          Print a manual page, or write all of them
          help         Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Global options:
              --config <FILE>    Project file [default: `mailhaul.toml` here or in a
                                 folder above]
              --format <FORMAT>  How data is printed [default: text] [possible values:
                                 text, json]
          -v, --verbose...       Say more (-vv: much more); the log file always has the
                                 details
          -q, --quiet            Print results and errors only
              --color <WHEN>     When to use colour; NO_COLOR is honoured [default:
                                 auto] [possible values: auto, always, never]
              --no-progress      No moving progress, even on a terminal

        A first migration: `mailhaul init`, fill in the two files, then `mailhaul
        check`, `mailhaul plan` and `mailhaul run`. Of these only `run` writes to a
        server, and `mailhaul provision`, which creates mailboxes.
        ");
        for sub in [
            "init",
            "assess",
            "check",
            "plan",
            "run",
            "verify",
            "undo",
            "report",
            "status",
            "secrets",
            "passwords",
        ] {
            let sub = command.find_subcommand_mut(sub).unwrap();
            let help = sub.render_help().to_string();
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
    }
}
