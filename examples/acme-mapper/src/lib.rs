//! Acme keeps one folder for each customer under `Kunden`; on the new server they go to `Customers`.

use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};

struct Acme;

impl FolderMapper for Acme {
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let mut answer = Mapping::default();
        for (index, folder) in request.open() {
            if let Some(rest) = folder.path.strip_prefix(["Kunden"]) {
                answer.map_to(index, rest.under(["Customers"]), "customers' folders are named in English");
            }
        }
        Ok(answer)
    }
}

mailhaul_plugin::export!(mapper: Acme);

#[cfg(test)]
mod tests {
    use super::*;
    use mailhaul_plugin::Folder;

    #[test]
    fn customers_get_their_english_name() {
        let source = vec![Folder::new(["Kunden", "Nord"]), Folder::new(["Kundendienst"])];
        let answer = Acme::map_folders(&MappingRequest::new(source, Vec::new())).unwrap();
        assert_eq!(answer.path_of(0).unwrap().to_string(), "Customers/Nord");
        assert_eq!(answer.rulings.len(), 1);
    }
}
