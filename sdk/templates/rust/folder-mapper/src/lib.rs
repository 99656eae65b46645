//! Folders below one name go below another. Both names are settings.

use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    from: String,
    to: String,
}

struct Plugin;

impl FolderMapper for Plugin {
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let settings: Settings = mailhaul_plugin::settings()?;
        let mut answer = Mapping::default();
        for (index, folder) in request.open() {
            if let Some(rest) = folder.path.strip_prefix([settings.from.as_str()]) {
                let why = format!("below `{}`", settings.from);
                answer.map_to(index, rest.under([settings.to.as_str()]), why);
            }
        }
        Ok(answer)
    }
}

mailhaul_plugin::export!(mapper: Plugin);

#[cfg(test)]
mod tests {
    use super::*;
    use mailhaul_plugin::{Folder, testing::with_settings};

    #[test]
    fn what_is_below_goes_along() {
        let request = MappingRequest::new(vec![Folder::new(["Kunden", "Nord"])], Vec::new());
        let answer = with_settings(r#"{"from":"Kunden","to":"Customers"}"#, || Plugin::map_folders(&request));
        assert_eq!(answer.unwrap().path_of(0).unwrap().to_string(), "Customers/Nord");
    }
}
