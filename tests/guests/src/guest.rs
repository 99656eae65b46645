//! The names of all hostile guests, each with what it does.

/// Declares the guests, so that none is without a word and none is left out of [`Guest::ALL`].
macro_rules! guests {
    ($($(#[$about:meta])* $guest:ident = $word:literal,)*) => {
        /// A guest that misbehaves. Those that are a file rather than a component have their act in how they
        /// are made.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Guest {
            $($(#[$about])* $guest,)*
        }

        impl Guest {
            /// Every guest, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$guest),*];

            /// Returns the value of the setting `act` that selects this guest.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$guest => $word,)*
                }
            }
        }

        /// Hands all names to a macro: a guest that nobody tests is to be an error of the compiler.
        #[macro_export]
        macro_rules! for_every_guest {
            ($then:ident) => { $then! { $($guest)* } };
        }
    };
}

guests! {
    // Mappers.
    /// Computes without end and calls nothing: only a limit of CPU time ends it.
    EndlessLoop = "endless-loop",
    /// Calls a cheap function of the host without end.
    LoopInHostCalls = "loop-in-host-calls",
    /// Asks for text from the host as often as it can, and drops it.
    HostCallFlood = "host-call-flood",
    /// Takes memory, a mebibyte at a time, without end.
    MemoryBomb = "memory-bomb",
    /// Calls itself until the stack is full.
    DeepRecursion = "deep-recursion",
    /// Panics, with escape sequences in its words.
    Panic = "panic",
    /// Fails with escape sequences in its words.
    Error = "error",
    /// Answers with 20 MiB of text.
    HugeReply = "huge-reply",
    /// Answers with more remarks than anybody reads.
    ManyNotes = "many-notes",
    /// Rules on more folders than there are.
    WrongLength = "wrong-length",
    /// Rules on a folder that is not there.
    OutOfRange = "out-of-range",
    /// Rules twice on a folder.
    Twice = "twice",
    /// Sends two folders into one.
    TwoToOne = "two-to-one",
    /// Sends a folder into the inbox, in an unusual spelling.
    IntoInbox = "into-inbox",
    /// Maps the inbox to another folder.
    InboxAway = "inbox-away",
    /// Sends a folder into somebody else's mailbox.
    NamespaceEscape = "namespace-escape",
    /// Maps to a folder whose name has a line end and an IMAP command in it.
    ControlCharacters = "control-characters",
    /// Maps to a path without levels.
    EmptyPath = "empty-path",
    /// Maps to a path of ten thousand levels.
    DeepPath = "deep-path",
    /// Gives a folder a role that breaks out of its parentheses in an IMAP command.
    OwnRole = "own-role",
    /// Answers with a decision that the contract does not know.
    OwnDecision = "own-decision",
    /// Logs 20,000 lines with escape sequences in them.
    LogFlood = "log-flood",
    /// Logs a line of a megabyte.
    LongLogLine = "long-log-line",
    /// Counts its calls, to answer each one differently.
    DiffersEachTime = "differs-each-time",

    // Sources.
    /// Its pages are empty and never end.
    EmptyPages = "empty-pages",
    /// Its pages are full and never end.
    EndlessPages = "endless-pages",
    /// Every page names the same token for the next one.
    SameToken = "same-token",
    /// The tokens of its pages repeat after two pages.
    TokensInACircle = "tokens-in-a-circle",
    /// Names a token of 5,000 bytes for the next page.
    LongToken = "long-token",
    /// Lists one mailbox more on a page than was asked for.
    TooMany = "too-many",
    /// Lists the same key twice on a page.
    DuplicateKeys = "duplicate-keys",
    /// Lists the same key on two pages.
    KeyOnTwoPages = "key-on-two-pages",
    /// Opens an input it was not given.
    StealInput = "steal-input",
    /// Keeps every handle the host gives out, without end.
    AllHandles = "all-handles",
    /// Sends what it reads of passwords to where it may not, in URLs and headers.
    SecretByUrl = "secret-by-url",
    /// Speaks to a name that leads to this machine.
    RebindToLoopback = "rebind-to-loopback",
    /// Is redirected to where it may not go.
    Redirected = "redirected",
    /// Reads an answer that does not end.
    EndlessAnswer = "endless-answer",
    /// Lets everybody's passwords sign in at a host of its choice.
    ForeignHost = "foreign-host",
    /// Signs in with the secret it was granted for a panel.
    SecretAsPassword = "secret-as-password",

    // Files.
    /// A component that was cut short.
    Truncated = "truncated",
    /// Native code that calls itself a component.
    Precompiled = "precompiled",
    /// A component of another version of the contract.
    UnknownVersion = "unknown-version",
    /// A small component that takes for ever to compile.
    CompileBomb = "compile-bomb",
}
