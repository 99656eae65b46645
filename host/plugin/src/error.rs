//! Why a plugin cannot be used at all. What goes wrong in a call is
//! [`PluginError`](mailhaul_engine::plugin::PluginError).

use std::fmt;

use mailhaul_engine::plugin::PluginFailure;

/// Why a plugin cannot be used. `Display` is one sentence that names the plugin and, where there is a remedy,
/// what to do.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}`: {reason}")]
pub struct LoadError {
    /// The plugin as the operator named it.
    pub plugin: String,
    /// What is wrong with it.
    pub reason: LoadReason,
}

impl LoadError {
    /// Whether the project file is to be mended rather than the plugin: a setting or an input is wrong.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self.reason, LoadReason::Setting { .. } | LoadReason::Input(_))
    }
}

/// What is wrong with a plugin; `Display` is the rest of a [`LoadError`]'s sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadReason {
    /// The name is no file's, and no shipped plugin has it. Carries the nearest id there is.
    #[error(
        "no plugin of this name ships with mailhaul{0} (a file is named by its path, as in `./acme.wasm`)"
    )]
    Unknown(Suggestion),
    /// The system does not let the file be read, or it is no regular file.
    #[error("{path} cannot be read: {cause}")]
    Unreadable {
        /// The file as the operator named it.
        path: String,
        /// The system's reason, as the end of a sentence.
        cause: String,
    },
    /// The file has so many bytes, more than 64 MiB.
    #[error("the file has {0} bytes, more than the {max} a plugin may have", max = crate::limits::MAX_COMPONENT)]
    TooLarge(u64),
    /// The file does not begin as WebAssembly does.
    #[error("this is no WebAssembly component")]
    NotWasm,
    /// The file is a core module, as compilers write it; `mailhaul plugin build` makes a component of it.
    #[error("this is a core module, not a component: build it with `mailhaul plugin build`")]
    CoreModule,
    /// The file is native code, which could do anything once it is loaded.
    #[error("this is precompiled native code, which is never loaded: give the component it was made from")]
    Precompiled,
    /// The component ends too early, or its parts contradict each other. Carries the parser's or compiler's
    /// words.
    #[error("the component is broken: {0}")]
    Broken(String),
    /// Compiling was ended after so many seconds.
    #[error("compiling it takes more than {0} seconds, more than any plugin may take")]
    CompileTime(u64),
    /// The compiling child was ended by its limit of memory (so many MiB) or of CPU time.
    #[error("compiling it takes more than the {0} MiB of memory, or more time, than any plugin may take")]
    CompileLimits(u64),
    /// The compiled code has more than so many bytes.
    #[error("its native code has more than {0} bytes")]
    Compiled(u64),
    /// The compiling child cannot be started or read from, which is no fault of the plugin.
    #[error("the compiler cannot be used: {0}")]
    Compiler(String),
    /// The component has no custom section with a manifest.
    #[error(
        "the component has no manifest, which says what it is and asks for: write a `plugin.toml` (`mailhaul plugin new` \
         shows one) and build with `mailhaul plugin build`, which puts it in"
    )]
    NoManifest,
    /// The manifest is no TOML of its format, or contradicts itself. Carries the first mistake.
    #[error("its manifest cannot be used: {0}")]
    Manifest(String),
    /// The component imports this interface of WASI, as compilers for `wasm32-wasip*` make it do.
    #[error("it imports `{0}`, and mailhaul offers no WASI: build it with `mailhaul plugin build`")]
    Wasi(String),
    /// The component imports this interface, which no host of this version has.
    #[error(
        "it imports `{0}`, which mailhaul does not offer: leave out what needs it; what there is stands in `wit/host.wit`"
    )]
    ForeignImport(String),
    /// The component was built for another version of the plugin interface.
    #[error("it speaks version {speaks} of the plugin interface and this mailhaul speaks {api}: {advice}", api = crate::manifest::API)]
    Api {
        /// The version it was built for.
        speaks: String,
        /// Which of the two is to be changed, plugin or mailhaul.
        advice: &'static str,
    },
    /// The component imports an interface that none of its kinds is given.
    #[error(
        "it imports `{import}`, which a {kinds} is not given: leave out what calls it, or name the kind that needs it in \
         `kinds`"
    )]
    ForbiddenImport {
        /// The interface's name, such as `http`.
        import: String,
        /// The kinds it exports, joined for a sentence.
        kinds: String,
    },
    /// The project file uses the plugin as a kind that it is not.
    #[error("it is used as a {wanted}, but it is a {is}")]
    Kind {
        /// The kind that the project file needs there.
        wanted: &'static str,
        /// The kinds that it is, joined for a sentence.
        is: String,
    },
    /// The manifest names other kinds than the code exports.
    #[error(
        "its manifest says it is a {says}, but it exports {exports}: `kinds` in `plugin.toml` and what the code exports \
         must agree"
    )]
    KindsDisagree {
        /// The kinds of the manifest, joined for a sentence.
        says: String,
        /// The kinds the code exports, joined for a sentence.
        exports: String,
    },
    /// The file's manifest has this id, which is a shipped plugin's.
    #[error("it calls itself `{0}`, which is a plugin that ships with mailhaul: give it an id of its own")]
    ReservedId(String),
    /// A type of the component differs from the one in `wit/`.
    #[error(
        "it does not fit version {api} of the plugin interface{place}: {why}; build it again with the SDK or the \
         `wit/` that `mailhaul plugin new` writes",
        api = crate::manifest::API
    )]
    Link {
        /// Function and interface, as the end of a clause; empty when wasmtime names neither.
        place: String,
        /// What was expected and what was found.
        why: String,
    },
    /// Plugins cannot be run on this machine: wasmtime does not support it, or no thread can be started.
    #[error("plugins cannot be run here: {0}")]
    Engine(String),
    /// The instance that is made to try the plugin broke, before it was asked anything.
    #[error("starting it failed: it {0}")]
    Start(PluginFailure),
    /// The file of this name has no entry in `plugins.lock`: nobody has looked at it yet.
    #[error("it is not in plugins.lock: look at it and add it with `mailhaul plugin add {0}`")]
    NotLocked(String),
    /// The file differs from its entry in `plugins.lock`.
    #[error(
        "it is not what plugins.lock says ({changes}); if that is meant, type `mailhaul plugin update {named}`"
    )]
    Changed {
        /// Every difference, on one line.
        changes: String,
        /// The file as the project names it.
        named: String,
    },
    /// The plugin asks for something that the operator has not granted.
    #[error(
        "it wants {what}, which was not granted; if that is meant, type `mailhaul plugin grant {id} {line}`"
    )]
    NotGranted {
        /// The wish with the plugin's reason, as the end of a clause.
        what: String,
        /// Id of the plugin's manifest.
        id: String,
        /// The word that `mailhaul plugin grant` takes for it, quoted for a shell.
        line: String,
    },
    /// A setting of the project file does not fit the manifest's schema.
    #[error("[plugins.settings.{id}] {problem}")]
    Setting {
        /// Id of the plugin's manifest.
        id: String,
        /// The setting and what is wrong with it.
        problem: String,
    },
    /// An input or a secret's value is missing, or an input is not known to the plugin. Carries the sentence.
    #[error("{0}")]
    Input(String),
}

/// The nearest known name to one that is unknown. `Display` is `; did you mean …?`, or nothing when none is
/// near enough.
#[derive(Debug)]
pub struct Suggestion(pub(crate) Option<String>);

/// How alike two names must be for one to be called a slip of the other (Jaro-Winkler, 0 to 1).
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
