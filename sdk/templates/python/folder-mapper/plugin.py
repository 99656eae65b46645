"""Folders below one name go below another. Both names are settings."""

import mailhaul_plugin as mailhaul
from wit_world import exports


class FolderMapper(exports.FolderMapper):
    @mailhaul.guarded
    def map_folders(self, request):
        settings = mailhaul.settings()
        rulings = []
        for index, folder in mailhaul.open_folders(request):
            rest = mailhaul.strip_prefix(folder.path, [settings["from"]])
            if rest is not None:
                why = f"below `{settings['from']}`"
                rulings.append(mailhaul.map_to(index, [settings["to"], *rest], why))
        return mailhaul.mapping(rulings)
