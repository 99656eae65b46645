//! What a project says: `mailhaul.toml`, the tables beside it, and the secrets it refers to.
//!
//! This crate reads and checks; it knows no sockets and no terminals, and depends on nothing else of
//! mailhaul.
//!
//! Start at [`Project::load`]. From a folder to a checked project:
//!
//! 1. [`find`] looks for the project file in a folder and those above it; [`template::init`] writes a new
//!    one.
//! 2. The file is parsed as TOML, with the line of every value (`section`).
//! 3. Every key is looked up in one table, [`TABLES`]; an unknown one is answered with the nearest known key.
//! 4. `load` and `side` read the tables into a [`Project`], with defaults filled in. Mistakes are collected,
//!    not returned one by one: [`ProjectErrors`] has each with its file, its line, the cause and what to do.
//! 5. Secrets are only noted as a [`SecretRef`]; [`SecretRef::resolve`] asks for one when it is needed.
//!    Nothing here prints a [`Secret`], in an error or by `Debug`.
//! 6. [`table::Table::read`] reads a list of mailboxes, whose secret columns are secrets from the first
//!    moment.
//!
//! ```
//! use mailhaul_project::{Project, Tls};
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("mailhaul.toml");
//! let text = r#"
//! [source]
//! host = "imap.old.example"
//! [target]
//! host = "imap.new.example"
//! tls = "starttls"
//! [mailboxes]
//! inputs = { accounts = "mailboxes.csv" }
//! "#;
//! std::fs::write(&file, text)?;
//! let project = Project::load(&file)?.project;
//! assert_eq!((project.source.tls, project.source.port_or_default()), (Tls::Implicit, 993));
//! assert_eq!((project.target.tls, project.target.port_or_default()), (Tls::Starttls, 143));
//!
//! std::fs::write(&file, text.replace("tls =", "tsl ="))?;
//! let errors = Project::load(&file).unwrap_err().to_string();
//! assert!(errors.ends_with("mailhaul.toml:6: unknown key `tsl` in `[target]`; the nearest known key is `tls`"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod duration;
mod error;
mod find;
mod hours;
mod load;
mod model;
mod permissions;
mod schema;
mod secret;
mod section;
mod side;
mod size;
pub mod table;
pub mod template;

pub use error::{ProjectError, ProjectErrors, Warning};
pub use find::{PROJECT_FILE, find};
pub use load::LoadedProject;
pub use model::{
    AllowedHost, Auth, CaFile, DayWindow, FlagSpec, FolderSpec, Hours, Ignore, Input, Limits, Mailboxes,
    Order, PinSpec, PluginName, PluginRef, PluginSettings, Plugins, Project, Provider, RuleSpec, Select,
    SelectDate, Side, SideName, SizeLimit, Tls,
};
pub use schema::TABLES;
pub use secret::{Secret, SecretOrigin, SecretRef};
