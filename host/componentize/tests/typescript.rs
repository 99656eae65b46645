//! `sdk/js/wit.d.ts` and `sdk/js/host.d.ts` are what TypeScript is told of `wit/`, in the forms that
//! componentize-qjs gives its values: generated, and this test says when they are not current any more.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fmt::Write as _;
use std::path::Path;

use wit_bindgen_core::wit_parser::{
    Docs, Function, FunctionKind, Handle, Interface, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
};

/// Set to write the file instead of comparing it.
const BLESS: &str = "MAILHAUL_BLESS";

const TYPES: &str = "\
// What `vendor/wit/` says, for TypeScript: every type of the contract. Numbers are `number`s, those of 64
// bits too: exact up to 2^53. What is optional may be left out by a plugin, and is `null` where the host has
// nothing.
//
// Generated; after a change of `wit/`: `MAILHAUL_BLESS=1 cargo test --workspace --test typescript`.
";

const FUNCTIONS: &str = "\
// What `vendor/wit/` says, for TypeScript: every function a plugin may call. An error is thrown, with what it
// is as `payload`.
//
// Generated; after a change of `wit/`: `MAILHAUL_BLESS=1 cargo test --workspace --test typescript`.
";

#[test]
fn types_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (types, functions) = generate(&root.join("wit"));
    for (name, wanted) in [("wit.d.ts", types), ("host.d.ts", functions)] {
        let file = root.join("sdk/js").join(name);
        if std::env::var_os(BLESS).is_some() {
            std::fs::write(&file, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == wanted,
            "sdk/js/{name} is not what `wit/` says: type `{BLESS}=1 cargo test --workspace --test typescript`, then \
             look at what the `.d.ts` and `.js` beside it make of what changed"
        );
    }
}

/// The types, and the functions.
fn generate(wit: &Path) -> (String, String) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit).unwrap();
    let mut text = TYPES.to_owned();
    let mut functions = FUNCTIONS.to_owned();
    for id in resolve.packages[package].interfaces.values() {
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        writeln!(text, "\n// {name}").unwrap();
        for (name, id) in &interface.types {
            define(&mut text, &resolve, interface, name, *id);
        }
        let free: Vec<_> = interface
            .functions
            .values()
            .filter(|function| function.kind == FunctionKind::Freestanding)
            .collect();
        if free.is_empty() {
            continue;
        }
        // Kinds are for plugins to export.
        if resolve.worlds.iter().any(|(_, world)| {
            world.exports.keys().any(|key| resolve.name_world_key(key).contains(&format!("/{name}@")))
        }) {
            continue;
        }
        writeln!(functions, "\ndeclare module 'mailhaul:plugin/{name}@0.1.0' {{").unwrap();
        for function in free {
            comment(&mut functions, &function.docs, "  ");
            writeln!(
                functions,
                "  export function {}({}): {};",
                camel(&function.name),
                parameters(&resolve, function, "import('./wit.js')."),
                result(&resolve, function, "import('./wit.js').")
            )
            .unwrap();
        }
        functions.push_str("}\n");
    }
    (text, functions)
}

fn define(text: &mut String, resolve: &Resolve, interface: &Interface, name: &str, id: TypeId) {
    let of = &resolve.types[id];
    // A name taken from another interface is the same type.
    if matches!(of.kind, TypeDefKind::Type(Type::Id(_))) {
        return;
    }
    let name = pascal(name);
    text.push('\n');
    comment(text, &of.docs, "");
    match &of.kind {
        TypeDefKind::Record(record) => {
            writeln!(text, "export interface {name} {{").unwrap();
            for field in &record.fields {
                comment(text, &field.docs, "  ");
                let optional = matches!(field.ty, Type::Id(id) if matches!(resolve.types[id].kind, TypeDefKind::Option(_)));
                let mark = if optional { "?" } else { "" };
                writeln!(text, "  {}{mark}: {};", camel(&field.name), shown(resolve, &field.ty, "")).unwrap();
            }
            text.push_str("}\n");
        }
        TypeDefKind::Variant(variant) => {
            writeln!(text, "export type {name} =").unwrap();
            let cases: Vec<_> = variant
                .cases
                .iter()
                .map(|case| match &case.ty {
                    Some(of) => format!("  | {{ tag: '{}'; val: {} }}", case.name, shown(resolve, of, "")),
                    None => format!("  | {{ tag: '{}' }}", case.name),
                })
                .collect();
            writeln!(text, "{};", cases.join("\n")).unwrap();
        }
        TypeDefKind::Enum(of) => {
            let cases: Vec<_> = of.cases.iter().map(|case| format!("'{}'", case.name)).collect();
            writeln!(text, "export type {name} = {};", cases.join(" | ")).unwrap();
        }
        TypeDefKind::Resource => {
            writeln!(text, "export interface {name} {{").unwrap();
            let methods =
                interface.functions.values().filter(|function| function.kind == FunctionKind::Method(id));
            for function in methods {
                comment(text, &function.docs, "  ");
                let called = function.name.rsplit('.').next().unwrap();
                writeln!(
                    text,
                    "  {}({}): {};",
                    camel(called),
                    parameters(resolve, function, ""),
                    result(resolve, function, "")
                )
                .unwrap();
            }
            text.push_str("}\n");
        }
        TypeDefKind::Type(_) | TypeDefKind::List(_) | TypeDefKind::Tuple(_) | TypeDefKind::Option(_) => {
            writeln!(text, "export type {name} = {};", anonymous(resolve, &of.kind, "")).unwrap();
        }
        other => panic!("{name} is a {}, and nothing says what that is in TypeScript", other.as_str()),
    }
}

fn comment(text: &mut String, docs: &Docs, indent: &str) {
    let Some(contents) = &docs.contents else { return };
    writeln!(text, "{indent}/**").unwrap();
    for line in contents.trim().lines() {
        writeln!(text, "{}", format!("{indent} * {}", line.replace("*/", "*\\/")).trim_end()).unwrap();
    }
    writeln!(text, "{indent} */").unwrap();
}

fn parameters(resolve: &Resolve, function: &Function, from: &str) -> String {
    let parameters: Vec<_> = function
        .params
        .iter()
        .filter(|parameter| parameter.name != "self")
        .map(|parameter| format!("{}: {}", camel(&parameter.name), shown(resolve, &parameter.ty, from)))
        .collect();
    parameters.join(", ")
}

/// Errors are thrown.
fn result(resolve: &Resolve, function: &Function, from: &str) -> String {
    let Some(of) = &function.result else { return "void".to_owned() };
    if let Type::Id(id) = of
        && let TypeDefKind::Result(result) = &resolve.types[*id].kind
    {
        return result.ok.as_ref().map_or_else(|| "void".to_owned(), |ok| shown(resolve, ok, from));
    }
    shown(resolve, of, from)
}

fn shown(resolve: &Resolve, of: &Type, from: &str) -> String {
    match of {
        Type::Bool => "boolean".to_owned(),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::S8
        | Type::S16
        | Type::S32
        | Type::S64
        | Type::F32
        | Type::F64 => "number".to_owned(),
        Type::Char | Type::String => "string".to_owned(),
        Type::Id(id) => {
            let named = &resolve.types[*id];
            match (&named.name, named.owner) {
                (Some(name), TypeOwner::Interface(_)) => format!("{from}{}", pascal(name)),
                _ => anonymous(resolve, &named.kind, from),
            }
        }
        other => panic!("nothing says what {other:?} is in TypeScript"),
    }
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind, from: &str) -> String {
    let shown = |of: &Type| shown(resolve, of, from);
    match kind {
        TypeDefKind::Type(of) => shown(of),
        TypeDefKind::Option(of) => format!("{} | null", shown(of)),
        TypeDefKind::List(Type::U8) => "Uint8Array".to_owned(),
        TypeDefKind::List(of) => {
            let of = shown(of);
            if of.contains(' ') && !of.starts_with('[') { format!("({of})[]") } else { format!("{of}[]") }
        }
        TypeDefKind::Tuple(tuple) => {
            format!("[{}]", tuple.types.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => shown(&Type::Id(*id)),
        other => panic!("nothing says what a {} is in TypeScript", other.as_str()),
    }
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(capital).collect::<String>()
}

fn capital(part: &str) -> String {
    let mut chars = part.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
