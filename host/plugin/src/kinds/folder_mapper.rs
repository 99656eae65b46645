//! `folder-mapper`: where a component says folders go.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use mailhaul_engine::plugin::{
    Decision, FolderMapper, Mapping, MappingNote, MappingRequest, PluginError, PluginId, Ruling,
};

use crate::bindings::mapping::MappingPre;
use crate::bindings::mapping::exports::mailhaul::plugin::folder_mapper as wit;
use crate::call::Caller;
use crate::inputs::Inputs;
use crate::kinds::convert;
use crate::limits::{MESSAGE, REMARKS};
use crate::state::CallState;
use crate::text;

const CALL: &str = "map-folders";

/// A component used as a folder mapper.
pub(crate) struct WasmMapper {
    pub(crate) caller: Caller,
    pub(crate) prepared: MappingPre<CallState>,
}

#[async_trait]
impl FolderMapper for WasmMapper {
    fn plugin(&self) -> &PluginId {
        &self.caller.plugin
    }

    async fn map_folders(&self, request: &MappingRequest) -> Result<Mapping, PluginError> {
        let wire = wire(request).map_err(|why| self.caller.bad(CALL, why))?;
        let prepared = self.prepared.clone();
        let (mapping, _store) = self
            .caller
            .ask(CALL, Arc::new(Inputs::new()), move |store| {
                Box::pin(async move {
                    let instance = prepared.instantiate_async(&mut *store).await?;
                    instance.mailhaul_plugin_folder_mapper().call_map_folders(&mut *store, &wire).await
                })
            })
            .await?;
        checked(request, mapping).map_err(|why| self.caller.bad(CALL, why))
    }
}

fn wire(request: &MappingRequest) -> Result<wit::MappingRequest, String> {
    Ok(wit::MappingRequest {
        source: convert::server(&request.source),
        target: convert::server(&request.target),
        source_folders: request.source_folders.iter().map(convert::folder).collect(),
        target_folders: request.target_folders.iter().map(convert::folder).collect(),
        settled: request.settled.iter().map(settled).collect::<Result<_, _>>()?,
        extras: Vec::new(),
    })
}

fn settled(ruling: &Ruling) -> Result<wit::Ruling, String> {
    let decision = match &ruling.decision {
        Decision::MapTo { path, role, subscribe } => wit::Decision::MapTo(wit::TargetFolder {
            path: path.0.clone(),
            role: role.as_ref().map(convert::special_use),
            subscribe: *subscribe,
            extras: Vec::new(),
        }),
        Decision::Skip(reason) => wit::Decision::Skip(reason.clone()),
    };
    let folder =
        u32::try_from(ruling.folder).map_err(|_| "more folders than a request can hold".to_owned())?;
    Ok(wit::Ruling { folder, decision, why: ruling.why.clone(), extras: Vec::new() })
}

/// Converts an answer to the engine's type, or says how it breaks the contract.
fn checked(request: &MappingRequest, mapping: wit::Mapping) -> Result<Mapping, String> {
    let folders = request.source_folders.len();
    let index = |folder: u32| {
        let index = folder as usize;
        if index < folders { Ok(index) } else { Err(format!("it names folder {folder} of {folders}")) }
    };
    let mut ruled: BTreeSet<usize> = request.settled.iter().map(|ruling| ruling.folder).collect();
    let settled = ruled.len();
    if mapping.rulings.len() > folders.saturating_sub(settled) {
        return Err(format!(
            "{} rulings on {} open folders",
            mapping.rulings.len(),
            folders.saturating_sub(settled)
        ));
    }
    let mut rulings = Vec::with_capacity(mapping.rulings.len());
    for ruling in mapping.rulings {
        let folder = index(ruling.folder)?;
        if !ruled.insert(folder) {
            let settled = request.settled.iter().any(|ruling| ruling.folder == folder);
            let how = if settled { "was settled before it was asked" } else { "has a ruling already" };
            return Err(format!("it rules on folder {folder}, which {how}"));
        }
        let decision = decision(ruling.decision)?;
        rulings.push(Ruling { folder, decision, why: text::shown(&ruling.why, MESSAGE) });
    }
    if mapping.notes.len() > REMARKS {
        return Err(format!("{} notes, at most {REMARKS} are allowed", mapping.notes.len()));
    }
    let note = |note: wit::Note| {
        let folder = note.folder.map(index).transpose()?;
        Ok(MappingNote { folder, message: text::shown(&note.message, MESSAGE) })
    };
    let notes = mapping.notes.into_iter().map(note).collect::<Result<_, String>>()?;
    Ok(Mapping { rulings, notes })
}

fn decision(decision: wit::Decision) -> Result<Decision, String> {
    match decision {
        wit::Decision::MapTo(target) => Ok(Decision::MapTo {
            path: convert::folder_path(target.path)?,
            role: target.role.map(convert::role).transpose()?,
            subscribe: target.subscribe,
        }),
        wit::Decision::Skip(reason) => Ok(Decision::Skip(text::shown(&reason, MESSAGE))),
        wit::Decision::Other(what) => Err(format!("the decision `{}` is not known", text::shown(&what, 64))),
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::plugin::{FolderInfo, ServerDescription};
    use mailhaul_imap::FolderPath;
    use mailhaul_net::TlsMode;

    use super::*;

    fn request() -> MappingRequest {
        let server = ServerDescription {
            host: "h".into(),
            port: 993,
            tls: TlsMode::Implicit,
            greeting: String::new(),
            capabilities: Vec::new(),
            id: Vec::new(),
            namespace_prefix: String::new(),
            delimiter: Some('/'),
        };
        let folder = |name: &str| FolderInfo {
            path: FolderPath(vec![name.into()]),
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            messages: None,
            bytes: None,
        };
        MappingRequest {
            source: server.clone(),
            target: server,
            source_folders: vec![folder("INBOX"), folder("Sent"), folder("Work")],
            target_folders: Vec::new(),
            settled: vec![Ruling { folder: 0, decision: Decision::Skip("rule".into()), why: "rule".into() }],
        }
    }

    fn ruling(folder: u32, path: &[&str]) -> wit::Ruling {
        let target = wit::TargetFolder {
            path: path.iter().map(|level| (*level).to_owned()).collect(),
            role: None,
            subscribe: None,
            extras: Vec::new(),
        };
        wit::Ruling {
            folder,
            decision: wit::Decision::MapTo(target),
            why: "why\n".into(),
            extras: Vec::new(),
        }
    }

    fn check(rulings: Vec<wit::Ruling>) -> Result<Mapping, String> {
        checked(&request(), wit::Mapping { rulings, notes: Vec::new(), extras: Vec::new() })
    }

    #[test]
    fn good_answers_arrive_with_their_text_escaped() {
        let mapping = check(vec![ruling(1, &["Sent Items"])]).unwrap();
        assert_eq!(mapping.rulings[0].why, "why\\n");
    }

    #[test]
    fn answers_that_break_the_contract_are_refused() {
        let refused = |rulings| check(rulings).unwrap_err();
        assert_eq!(refused(vec![ruling(3, &["a"])]), "it names folder 3 of 3");
        assert_eq!(
            refused(vec![ruling(0, &["a"])]),
            "it rules on folder 0, which was settled before it was asked"
        );
        let twice = refused(vec![ruling(1, &["a"]), ruling(1, &["b"])]);
        assert_eq!(twice, "it rules on folder 1, which has a ruling already");
        assert_eq!(refused(vec![ruling(1, &["a"]); 3]), "3 rulings on 2 open folders");
        assert!(refused(vec![ruling(1, &[])]).contains("no levels"));
        assert!(refused(vec![ruling(1, &["a\nb"])]).contains("control character"));
        let note = wit::Note { folder: Some(9), message: String::new(), extras: Vec::new() };
        let mapping = wit::Mapping { rulings: Vec::new(), notes: vec![note], extras: Vec::new() };
        assert!(checked(&request(), mapping).is_err());
    }
}
