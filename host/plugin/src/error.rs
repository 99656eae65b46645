//! Why a plugin cannot be used at all. What goes wrong in a call is
//! [`PluginError`](mailhaul_engine::plugin::PluginError).

use std::fmt;

use mailhaul_engine::plugin::PluginFailure;

/// A plugin that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}`: {reason}")]
pub struct LoadError {
    /// The plugin as the operator named it.
    pub plugin: String,
    /// Why.
    pub reason: LoadReason,
}

impl LoadError {
    /// Whether the project file is to be mended rather than the plugin.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self.reason, LoadReason::Setting { .. } | LoadReason::Input(_))
    }
}

/// The reasons for a [`LoadError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadReason {
    /// No such shipped plugin.
    #[error(
        "no plugin of this name ships with mailhaul{0} (a file is named by its path, as in `./acme.wasm`)"
    )]
    Unknown(Suggestion),
    /// The file cannot be read.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        cause: String,
    },
    /// The file is larger than any plugin.
    #[error("the file has {0} bytes, more than the {max} a plugin may have", max = crate::limits::MAX_COMPONENT)]
    TooLarge(u64),
    /// The file is something else.
    #[error("this is no WebAssembly component")]
    NotWasm,
    /// A core module, as a compiler writes it.
    #[error("this is a core module, not a component: build it with `mailhaul plugin build`")]
    CoreModule,
    /// Native code that could do anything.
    #[error("this is precompiled native code, which is never loaded: give the component it was made from")]
    Precompiled,
    /// It ends too early, or its parts contradict each other.
    #[error("the component is broken: {0}")]
    Broken(String),
    /// It takes too long to compile.
    #[error("compiling it takes more than {0} seconds, more than any plugin may take")]
    CompileTime(u64),
    /// It takes too much to compile.
    #[error("compiling it takes more than the {0} MiB of memory, or more time, than any plugin may take")]
    CompileLimits(u64),
    /// Its native code is too large.
    #[error("its native code has more than {0} bytes")]
    Compiled(u64),
    /// The compiler itself cannot be used.
    #[error("the compiler cannot be used: {0}")]
    Compiler(String),
    /// No manifest in it.
    #[error(
        "the component has no manifest, which says what it is and asks for: write a `plugin.toml` (`mailhaul plugin new` \
         shows one) and build with `mailhaul plugin build`, which puts it in"
    )]
    NoManifest,
    /// Its manifest cannot be used.
    #[error("its manifest cannot be used: {0}")]
    Manifest(String),
    /// Built for WASI.
    #[error("it imports `{0}`, and mailhaul offers no WASI: build it with `mailhaul plugin build`")]
    Wasi(String),
    /// Imports nobody offers.
    #[error(
        "it imports `{0}`, which mailhaul does not offer: leave out what needs it; what there is stands in `wit/host.wit`"
    )]
    ForeignImport(String),
    /// Built against another contract.
    #[error("it speaks version {speaks} of the plugin interface and this mailhaul speaks {api}: {advice}", api = crate::manifest::API)]
    Api {
        /// Its version.
        speaks: String,
        /// Which of the two is to be changed.
        advice: &'static str,
    },
    /// Imports what its kinds are not given.
    #[error(
        "it imports `{import}`, which a {kinds} is not given: leave out what calls it, or name the kind that needs it in \
         `kinds`"
    )]
    ForbiddenImport {
        /// The interface.
        import: String,
        /// Its kinds.
        kinds: String,
    },
    /// It is not the kind it is used as.
    #[error("it is used as a {wanted}, but it is a {is}")]
    Kind {
        /// The kind it is used as.
        wanted: &'static str,
        /// The kinds it is.
        is: String,
    },
    /// Manifest and exports disagree.
    #[error(
        "its manifest says it is a {says}, but it exports {exports}: `kinds` in `plugin.toml` and what the code exports \
         must agree"
    )]
    KindsDisagree {
        /// Kinds of the manifest.
        says: String,
        /// Kinds it exports.
        exports: String,
    },
    /// The id of a shipped plugin.
    #[error("it calls itself `{0}`, which is a plugin that ships with mailhaul: give it an id of its own")]
    ReservedId(String),
    /// It does not fit the interface.
    #[error(
        "it does not fit version {api} of the plugin interface{place}: {why}; build it again with the SDK or the \
         `wit/` that `mailhaul plugin new` writes",
        api = crate::manifest::API
    )]
    Link {
        /// Where, as the end of a clause; may be empty.
        place: String,
        /// What differs.
        why: String,
    },
    /// Plugins cannot be run on this machine.
    #[error("plugins cannot be run here: {0}")]
    Engine(String),
    /// It broke before it was asked anything.
    #[error("starting it failed: it {0}")]
    Start(PluginFailure),
    /// Nobody has looked at it yet.
    #[error("it is not in plugins.lock: look at it and add it with `mailhaul plugin add {0}`")]
    NotLocked(String),
    /// It is not what was looked at.
    #[error(
        "it is not what plugins.lock says ({changes}); if that is meant, type `mailhaul plugin update {named}`"
    )]
    Changed {
        /// What differs, on one line.
        changes: String,
        /// As the project names it.
        named: String,
    },
    /// It wants what the operator has not granted.
    #[error(
        "it wants {what}, which was not granted; if that is meant, type `mailhaul plugin grant {id} {line}`"
    )]
    NotGranted {
        /// What it wants, with its reason.
        what: String,
        /// The manifest's id.
        id: String,
        /// What to type.
        line: String,
    },
    /// A setting is wrong.
    #[error("[plugins.settings.{id}] {problem}")]
    Setting {
        /// The manifest's id.
        id: String,
        /// What is wrong.
        problem: String,
    },
    /// An input is missing or too many.
    #[error("{0}")]
    Input(String),
}

/// "; did you mean …?", when something is near enough.
#[derive(Debug)]
pub struct Suggestion(pub(crate) Option<String>);

/// How alike two names must be for one to be called a slip of the other (0 to 1).
const LIKENESS: f64 = 0.75;

impl Suggestion {
    pub(crate) fn of<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase());
        let best = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        Self(best.filter(|best| likeness(best) >= LIKENESS).map(str::to_owned))
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => Ok(()),
        }
    }
}
