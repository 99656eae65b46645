//! What a component is, read from its outermost level before any of it is compiled.

use wasmparser::{Encoding, Parser, Payload};

use crate::caps;
use crate::error::LoadReason;
use crate::kind::{self, Kind};
use crate::manifest::{API, Manifest};
use crate::text;

/// Name of the custom section with the manifest.
const MANIFEST_SECTION: &str = "mailhaul:manifest";

/// How names of interfaces of `wit/` begin.
const PACKAGE: &str = "mailhaul:plugin/";

/// Most imports or exports that are looked at: the plugin interface has some fifteen.
const MAX_NAMES: usize = 1_000;

/// Characters of a foreign name, or of the parser's words, that are repeated in a message.
const NAME: usize = 200;

/// What the outermost level of a component says, checked.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) manifest: Manifest,
    /// Interfaces of `mailhaul:plugin` it imports, types left out, in the order of [`caps::IMPORTS`].
    pub(crate) imports: Vec<&'static caps::Import>,
    /// The kinds it exports, sorted.
    pub(crate) kinds: Vec<Kind>,
}

/// Reads the outermost level of a file and refuses what could not be run.
pub(crate) fn describe(bytes: &[u8]) -> Result<Description, LoadReason> {
    let top = TopLevel::read(bytes)?;
    let mut imports = Vec::new();
    for name in &top.imports {
        if name.starts_with("wasi:") {
            return Err(LoadReason::Wasi(text::shown(name, NAME)));
        }
        let known = interface(name)?.and_then(|name| caps::IMPORTS.iter().find(|import| import.name == name));
        imports.push(known.ok_or_else(|| LoadReason::ForeignImport(text::shown(name, NAME)))?);
    }
    let mut kinds = Vec::new();
    for name in &top.exports {
        // What else it exports is nobody's business: some languages' runtimes do.
        if let Some(name) = interface(name)? {
            kinds.extend(Kind::ALL.iter().copied().filter(|kind| kind.name() == name));
        }
    }
    kinds.sort_unstable();
    kinds.dedup();

    let manifest =
        Manifest::read(top.manifest.ok_or(LoadReason::NoManifest)?).map_err(LoadReason::Manifest)?;
    if manifest.api != API {
        return Err(other_version(&manifest.api));
    }
    let mut says = manifest.kinds.clone();
    says.sort_unstable();
    says.dedup();
    if says != kinds {
        let exports = if kinds.is_empty() { "no kind of plugin".to_owned() } else { kind::words(&kinds) };
        return Err(LoadReason::KindsDisagree { says: kind::words(&says), exports });
    }
    let forbidden = imports.iter().find(|import| {
        import.meaning.is_some() && !kinds.iter().any(|kind| kind.imports().contains(&import.name))
    });
    if let Some(import) = forbidden {
        return Err(LoadReason::ForbiddenImport {
            import: import.name.to_owned(),
            kinds: kind::words(&kinds),
        });
    }
    let imports =
        caps::IMPORTS.iter().filter(|known| known.meaning.is_some() && imports.contains(known)).collect();
    Ok(Description { manifest, imports, kinds })
}

/// Names and manifest at the outermost level of a component, unchecked.
struct TopLevel<'a> {
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
    manifest: Option<&'a [u8]>,
}

impl<'a> TopLevel<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, LoadReason> {
        if wasmtime::Engine::detect_precompiled(bytes).is_some() || bytes.starts_with(b"\x7fELF") {
            return Err(LoadReason::Precompiled);
        }
        if !bytes.starts_with(b"\0asm") {
            return Err(LoadReason::NotWasm);
        }
        let broken =
            |error: wasmparser::BinaryReaderError| LoadReason::Broken(text::shown(error.message(), NAME));
        let mut top = Self { imports: Vec::new(), exports: Vec::new(), manifest: None };
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(broken)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(LoadReason::CoreModule);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        top.imports.push(import.map_err(broken)?.name.name);
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        top.exports.push(export.map_err(broken)?.name.name);
                    }
                }
                Payload::CustomSection(section) if depth == 0 && section.name() == MANIFEST_SECTION => {
                    let earlier = top.manifest.replace(section.data());
                    if earlier.is_some() {
                        return Err(LoadReason::Manifest("there are two of them".to_owned()));
                    }
                }
                _ => {}
            }
            if top.imports.len().max(top.exports.len()) > MAX_NAMES {
                return Err(LoadReason::Broken(format!("more than {MAX_NAMES} imports or exports")));
            }
        }
        Ok(top)
    }
}

/// Returns the interface behind a name such as `mailhaul:plugin/log@0.1.0`; `None` for names of other
/// packages. Another version of the interface is refused.
fn interface(name: &str) -> Result<Option<&str>, LoadReason> {
    let Some(rest) = name.strip_prefix(PACKAGE) else { return Ok(None) };
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    // One track per 0.N; a pre-release matches nothing.
    let track = version.strip_prefix(API).and_then(|patch| patch.strip_prefix('.'));
    if track.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())) {
        Ok(Some(interface))
    } else {
        Err(other_version(version))
    }
}

fn other_version(version: &str) -> LoadReason {
    let number = |version: &str| -> Option<(u32, u32)> {
        let mut parts = version.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let advice = match (number(version), number(API)) {
        (Some(theirs), Some(ours)) if theirs > ours => {
            "update mailhaul, or use an older version of the plugin"
        }
        _ => "use a newer version of the plugin",
    };
    LoadReason::Api { speaks: text::shown(version, 32), advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        describe(bytes).unwrap_err().to_string()
    }

    #[test]
    fn files_that_are_no_components_are_told_apart() {
        assert_eq!(refused(b"hello"), "this is no WebAssembly component");
        assert_eq!(refused(b""), "this is no WebAssembly component");
        assert!(refused(b"\0asm\x01\0\0\0").starts_with("this is a core module"));
        assert!(refused(b"\x7fELF\x02\x01\x01").starts_with("this is precompiled native code"));
        assert!(refused(b"\0asm\x0d\0\x01\0").starts_with("the component has no manifest"));
        assert!(refused(b"\0asm\x0d\0\x01\0\x07\xff").starts_with("the component is broken"));
    }

    #[test]
    fn versions_are_compared_before_wasmtime_gets_to_complain() {
        assert_eq!(interface("mailhaul:plugin/log@0.1.0").unwrap(), Some("log"));
        assert_eq!(interface("mailhaul:plugin/log@0.1.7").unwrap(), Some("log"));
        assert_eq!(interface("acme:tools/log@0.2.0").unwrap(), None);
        let refused = |name| interface(name).unwrap_err().to_string();
        assert!(refused("mailhaul:plugin/log@0.2.0").contains("speaks version 0.2.0"));
        assert!(refused("mailhaul:plugin/log@0.2.0").contains("update mailhaul"));
        assert!(refused("mailhaul:plugin/log@0.1.0-rc.1").contains("0.1.0-rc.1"));
        assert!(refused("mailhaul:plugin/log").contains("newer version of the plugin"));
    }
}
