//! From the core module a compiler writes to the one file mailhaul loads: a component with its
//! manifest inside.
//!
//! One file means one thing to copy and one digest that covers code and manifest alike.

mod providers;

use std::fmt;

use wasm_encoder::{CustomSection, Encode};
use wasmparser::{Encoding, Parser, Payload};

pub use providers::{PROVIDERS, providers_line};

/// Name of the component's top-level custom section that holds the text of `plugin.toml`.
pub const MANIFEST_SECTION: &str = "mailhaul:manifest";

/// Largest manifest in bytes: a hundred times what a long one needs.
pub const MAX_MANIFEST: usize = 64 << 10;

/// Why a module cannot be made a component, or a component take its manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentizeError {
    /// The manifest is empty or above [`MAX_MANIFEST`]; holds its size in bytes.
    #[error("the manifest has {0} bytes; it must have some, and at most {MAX_MANIFEST}")]
    ManifestSize(usize),
    /// The file is a component already; [`embed`] would take it.
    #[error("this is a component already; give the core module the compiler wrote")]
    AlreadyComponent,
    /// The file is no WebAssembly, or not the kind of it that was asked for.
    #[error("this is no WebAssembly module")]
    NotWasm,
    /// The module was built for WASI, which mailhaul does not offer; holds the first import of it.
    #[error("the module imports `{0}`; build it for wasm32-unknown-unknown, mailhaul offers no WASI")]
    Wasi(String),
    /// The module's imports or exports do not fit `wit/`.
    #[error("the module cannot be made a component: {0}")]
    Encode(Detail),
}

/// An error of the encoder with its causes, on one line.
#[derive(Debug)]
pub struct Detail(String);

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a component of a core module, with the manifest inside.
///
/// `module` must be built for `wasm32-unknown-unknown` by an SDK. `manifest` is the text of `plugin.toml`;
/// its content is not checked here but when mailhaul loads the component.
///
/// # Errors
/// See [`ComponentizeError`].
pub fn componentize(module: &[u8], manifest: &str) -> Result<Vec<u8>, ComponentizeError> {
    if manifest.trim().is_empty() || manifest.len() > MAX_MANIFEST {
        return Err(ComponentizeError::ManifestSize(manifest.len()));
    }
    check_module(module)?;
    let mut component = wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| ComponentizeError::Encode(Detail(format!("{error:#}").replace('\n', " "))))?;
    append(&mut component, manifest);
    Ok(component)
}

/// Puts the manifest into a component another tool made, which has none yet.
///
/// # Errors
/// [`ComponentizeError::ManifestSize`], and [`ComponentizeError::NotWasm`] for anything but a component.
pub fn embed(component: &[u8], manifest: &str) -> Result<Vec<u8>, ComponentizeError> {
    if manifest.trim().is_empty() || manifest.len() > MAX_MANIFEST {
        return Err(ComponentizeError::ManifestSize(manifest.len()));
    }
    let mut payloads = Parser::new(0).parse_all(component);
    if !matches!(payloads.next(), Some(Ok(Payload::Version { encoding: Encoding::Component, .. }))) {
        return Err(ComponentizeError::NotWasm);
    }
    let mut component = component.to_vec();
    append(&mut component, manifest);
    Ok(component)
}

/// The first interface of WASI a component imports, `wasi:cli/environment@0.2.0` for one; `None` when there
/// is none, or the file cannot be read.
#[must_use]
pub fn wasi_import(component: &[u8]) -> Option<String> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        match payload.ok()? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                let mut names =
                    imports.into_iter().filter_map(|import| Some(import.ok()?.name.name.to_owned()));
                if let Some(name) = names.find(|name| name.starts_with("wasi:")) {
                    return Some(name);
                }
            }
            _ => {}
        }
    }
    None
}

fn append(component: &mut Vec<u8>, manifest: &str) {
    // Section id 0 is a custom section; the encoder writes its size, name and data.
    component.push(0);
    CustomSection { name: MANIFEST_SECTION.into(), data: manifest.as_bytes().into() }.encode(component);
}

fn check_module(module: &[u8]) -> Result<(), ComponentizeError> {
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(|_| ComponentizeError::NotWasm)? {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(ComponentizeError::AlreadyComponent);
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(|_| ComponentizeError::NotWasm)?;
                    if import.module.starts_with("wasi") {
                        return Err(ComponentizeError::Wasi(import.module.to_owned()));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest module: a header and nothing else.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn the_manifest_stands_at_the_top_level() {
        let component = componentize(EMPTY, "id = \"x\"").unwrap();
        let mut depth = 0;
        let mut found = None;
        for payload in Parser::new(0).parse_all(&component) {
            match payload.unwrap() {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) if depth > 0 => depth -= 1,
                Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                    found = Some(section.data().to_vec());
                }
                _ => {}
            }
        }
        assert_eq!(found.as_deref(), Some(b"id = \"x\"".as_slice()));
    }

    #[test]
    fn other_files_are_refused_in_a_sentence() {
        let refused = |module: &[u8]| componentize(module, "id = \"x\"").unwrap_err().to_string();
        assert_eq!(refused(b"#!/bin/sh\n"), "this is no WebAssembly module");
        let component = componentize(EMPTY, "id = \"x\"").unwrap();
        assert!(refused(&component).starts_with("this is a component already"));
        assert!(matches!(componentize(EMPTY, " "), Err(ComponentizeError::ManifestSize(1))));
    }
}
