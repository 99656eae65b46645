//! Names under which mail programs and servers keep sent mail, drafts, trash, junk and archives.
//!
//! They say something about *top-level* folders only: `Projects/Archive` is nobody's archive. A server
//! that marks its folders (SPECIAL-USE, RFC 6154) knows better than any name.
//!
//! Collected from Outlook and Exchange, Thunderbird, Apple Mail, Gmail, Roundcube, Horde and the
//! larger mailbox providers, in the languages they ship in. Case, `-`, `_` and repeated spaces do
//! not matter.

use crate::SpecialUse;

/// The role a top-level folder of this name usually has.
#[must_use]
pub fn role_of(name: &str) -> Option<SpecialUse> {
    rank(name).map(|(role, _)| role)
}

/// How usual this name is for a role: smaller is more usual. `None` when it is not one of them.
#[must_use]
pub fn usualness(name: &str, role: &SpecialUse) -> Option<usize> {
    rank(name).filter(|(found, _)| found == role).map(|(_, rank)| rank)
}

/// Every known name of a role, the most usual first.
#[must_use]
pub fn of(role: &SpecialUse) -> &'static [&'static str] {
    match role {
        SpecialUse::Sent => SENT,
        SpecialUse::Drafts => DRAFTS,
        SpecialUse::Trash => TRASH,
        SpecialUse::Junk => JUNK,
        SpecialUse::Archive => ARCHIVE,
        SpecialUse::All | SpecialUse::Flagged | SpecialUse::Important | SpecialUse::Other(_) => &[],
    }
}

/// The roles names are known for.
pub const ROLES: [SpecialUse; 5] =
    [SpecialUse::Sent, SpecialUse::Drafts, SpecialUse::Trash, SpecialUse::Junk, SpecialUse::Archive];

fn rank(name: &str) -> Option<(SpecialUse, usize)> {
    let name: String = normalised(name).collect();
    ROLES.into_iter().find_map(|role| {
        let mut known = of(&role).iter();
        let rank = known.position(|known| may_be(known, &name) && normalised(known).eq(name.chars()))?;
        Some((role, rank))
    })
}

/// Whether a name of the lists can be this normalised one. Nearly none can, and letters of ASCII tell at
/// once: they are what they are up to the first separator.
fn may_be(known: &str, name: &str) -> bool {
    let (known_bytes, name_bytes) = (known.as_bytes(), name.as_bytes());
    // Of all other letters in the lists, only this one becomes one of ASCII.
    if !known_bytes.first().is_some_and(u8::is_ascii) && name_bytes.first().is_none_or(u8::is_ascii) {
        return known.starts_with("İ");
    }
    let plain = known_bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric());
    plain.zip(name_bytes).all(|(known, name)| known.to_ascii_lowercase() == *name)
}

/// Lower case, one space between words, none of the marks people type differently. Lazy: comparing
/// with a name of the lists mostly ends at the first character.
fn normalised(name: &str) -> impl Iterator<Item = char> {
    let separators = [' ', '-', '_', '\u{2010}', '\u{2011}', '\u{a0}'];
    let words = name.split(separators).filter(|word| !word.is_empty());
    let spaced = words
        .enumerate()
        .flat_map(|(index, word)| (index > 0).then_some(' ').into_iter().chain(word.chars()));
    spaced
        .flat_map(char::to_lowercase)
        // What lower-casing leaves of a Turkish dotted capital I.
        .filter(|c| *c != '\u{307}')
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
}

#[rustfmt::skip]
const SENT: &[&str] = &[
    // English
    "Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-Mail", "Sent Mails", "SentMail", "Sent Email",
    "Sent Emails", "Sent Msgs", "Sent Folder", "SentItems", 
    // German
    "Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Gesendete Mails",
    "Gesendete E-Mails", "Gesendete", "Versendet", "Versandt",
    // French
    "Envoyés", "Éléments envoyés", "Messages envoyés", "Courrier envoyé", "Envoyé", "Objets envoyés",
    "Courriers envoyés", "E-mails envoyés", 
    // Spanish, Catalan
    "Enviados", "Elementos enviados", "Mensajes enviados", "Correo enviado", "Enviado", "Correos enviados",
    "Enviats", "Elements enviats", "Missatges enviats",
    // Italian
    "Posta inviata", "Inviati", "Inviata", "Messaggi inviati", "Elementi inviati", "Email inviate",
    // Portuguese
    "Itens enviados", "Mensagens enviadas", "E-mails enviados", "Enviadas", "Correio enviado",
    // Dutch
    "Verzonden", "Verzonden items", "Verzonden berichten", "Verzonden objecten", "Verstuurd",
    // Polish
    "Wysłane", "Elementy wysłane", "Wysłane wiadomości", "Poczta wysłana",
    // Russian, Ukrainian, Bulgarian, Serbian
    "Отправленные", "Отправленные письма", "Отправлено", "Надіслані", "Відправлені",
    "Надіслані елементи", "Изпратени", "Изпратени съобщения", "Послато",
    // Czech, Slovak, Slovene, Croatian
    "Odeslané", "Odeslaná pošta", "Odeslané zprávy", "Odoslané", "Odoslaná pošta", "Odoslané správy", "Poslano",
    "Poslana pošta", "Poslane stavke", "Poslane poruke",
    // Swedish, Danish, Norwegian, Finnish, Icelandic
    "Skickat", "Skickade", "Skickade objekt", "Skickade meddelanden", "Skickad e-post", "Sendt", "Sendt post",
    "Sendte elementer", "Sendte beskeder", "Sendte meldinger", "Sendt e-post", "Lähetetyt", "Lähetetyt viestit",
    "Lähetetty", "Sendir hlutir",
    // Hungarian, Romanian, Greek, Turkish
    "Elküldött", "Elküldött elemek", "Elküldött üzenetek", "Elküldött levelek", "Trimise", "Elemente trimise",
    "Mesaje trimise", "Απεσταλμένα", "Σταλμένα", "Απεσταλμένα στοιχεία", "Gönderilmiş", "Gönderilmiş Öğeler",
    "Gönderilenler", "Gönderilmiş Postalar", "Gönderilen", 
    // Baltic languages
    "Saadetud", "Saadetud kirjad", "Nosūtītie", "Nosūtītie vienumi", "Išsiųsti", "Išsiųstieji",
    "Išsiųsti laiškai",
    // Japanese, Chinese, Korean, Vietnamese, Indonesian, Thai
    "送信済み", "送信済みアイテム", "送信済みメール", "送信済みトレイ", "送信済メール", "已发送", "已发送邮件",
    "已发送消息", "已发邮件", "已傳送", "已傳送郵件", "寄件備份", "寄件备份", "已寄出", "보낸 편지함", "보낸편지함",
    "보낸메일함", "보낸 메일함", "보낸 항목", "Thư đã gửi", "Đã gửi", "Terkirim", "Item Terkirim", "รายการที่ส่ง",
    // Hebrew, Arabic
    "פריטים שנשלחו", "דואר שנשלח", "נשלחו", "العناصر المرسلة", "البريد المرسل", "المرسلة",
];

#[rustfmt::skip]
const DRAFTS: &[&str] = &[
    // English
    "Drafts", "Draft", "Draft Messages", "Draft Mail", "Unsent Messages",
    // German
    "Entwürfe", "Entwurf", "Entwuerfe",
    // French
    "Brouillons", "Brouillon",
    // Spanish, Catalan
    "Borradores", "Borrador", "Esborranys",
    // Italian
    "Bozze", "Bozza",
    // Portuguese
    "Rascunhos", "Rascunho",
    // Dutch
    "Concepten", "Concept", "Klad",
    // Polish
    "Kopie robocze", "Wersje robocze", "Szkice", "Robocze",
    // Russian, Ukrainian, Bulgarian, Serbian
    "Черновики", "Черновик", "Чернетки", "Чернови", "Недовършени",
    // Czech, Slovak, Slovene, Croatian
    "Koncepty", "Rozepsané", "Rozepsaná pošta", "Rozepsané zprávy", "Rozpísané", "Rozpísané správy", "Osnutki",
    "Skice", "Nedovršeno",
    // Swedish, Danish, Norwegian, Finnish, Icelandic
    "Utkast", "Kladder", "Kladde", "Udkast", "Kladd", "Luonnokset", "Luonnos", "Keskeneräiset", "Drög",
    // Hungarian, Romanian, Greek, Turkish
    "Piszkozatok", "Piszkozat", "Vázlatok", "Ciorne", "Schițe", "Schiţe", "Mesaje nefinalizate", "Πρόχειρα",
    "Taslaklar", "Taslak",
    // Baltic languages
    "Mustandid", "Melnraksti", "Uzmetumi", "Juodraščiai",
    // Japanese, Chinese, Korean, Vietnamese, Indonesian, Thai
    "下書き", "下書きメール", "草稿", "草稿箱", "草稿夹", "草稿匣", "임시 보관함", "임시보관함", "임시 저장함", "작성 중",
    "Thư nháp", "Bản nháp", "Nháp", "Draf", "Konsep", "แบบร่าง", "ร่างจดหมาย",
    // Hebrew, Arabic
    "טיוטות", "المسودات", "مسودات",
];

#[rustfmt::skip]
const TRASH: &[&str] = &[
    // English
    "Trash", "Deleted Items", "Deleted Messages", "Deleted", "Bin", "Deleted Mail", "Deleted Objects",
    "Trash Can", "Rubbish", "Rubbish Bin", "Recycle Bin", "Wastebasket", "Waste Basket", "Trashcan",
    "Deleted Emails", "DeletedItems",
    // German
    "Papierkorb", "Gelöscht", "Gelöschte Elemente", "Gelöschte Objekte", "Gelöschte Nachrichten", "Gelöschte",
    "Gelöschte E-Mails", "Geloeschte Elemente", 
    // French
    "Corbeille", "Éléments supprimés", "Messages supprimés", "Supprimés", "Poubelle", "Objets supprimés",
    "Courrier supprimé",
    // Spanish, Catalan
    "Papelera", "Elementos eliminados", "Mensajes eliminados", "Eliminados", "Papelera de reciclaje", "Borrados",
    "Correo eliminado", "Basura", "Paperera", "Elements suprimits", "Elements eliminats",
    // Italian
    "Cestino", "Posta eliminata", "Elementi eliminati", "Messaggi eliminati", "Eliminata", "Eliminati", "Cancellati",
    // Portuguese
    "Lixeira", "Lixo", "Itens excluídos", "Itens eliminados", "Itens Apagados", "Mensagens excluídas", "Reciclagem",
    "Excluídos", "Apagadas",
    // Dutch
    "Prullenbak", "Prullenmand", "Verwijderde items", "Verwijderd", "Verwijderde berichten", "Verwijderde objecten",
    // Polish
    "Kosz", "Elementy usunięte", "Usunięte", "Usunięte wiadomości",
    // Russian, Ukrainian, Bulgarian, Serbian
    "Корзина", "Удаленные", "Удалённые", "Удаленные элементы", "Удалённые элементы", "Кошик", "Видалені",
    "Видалені елементи", "Кошче", "Изтрити", "Изтрити съобщения", "Отпад",
    // Czech, Slovak, Slovene, Croatian
    "Koš", "Odstraněná pošta", "Odstraněné", "Smazané", "Vymazané", "Kôš", "Odstránené položky", "Odstránená pošta",
    "Smeti", "Izbrisano", "Izbrisani elementi", "Smeće", "Otpad", "Kanta za smeće",
    // Swedish, Danish, Norwegian, Finnish, Icelandic
    "Papperskorg", "Papperskorgen", "Borttaget", "Borttagna objekt", "Raderade objekt", "Raderat", "Papirkurv",
    "Papirkurven", "Slettet post", "Slettede elementer", "Slettet", "Slettede meldinger", "Slettede beskeder",
    "Roskakori", "Poistetut", "Poistetut viestit", "Ruslakarfa", "Rusl",
    // Hungarian, Romanian, Greek, Turkish
    "Kuka", "Lomtár", "Törölt elemek", "Törölt", "Törölt üzenetek", "Coș de gunoi", "Coş de gunoi", "Gunoi",
    "Elemente șterse", "Elemente şterse", "Mesaje șterse", "Κάδος", "Κάδος απορριμμάτων", "Διαγραμμένα",
    "Απορρίμματα", "Çöp", "Çöp Kutusu", "Silinmiş Öğeler", "Silinmiş", "Silinenler",
    // Baltic languages
    "Prügikast", "Prügi", "Kustutatud", "Kustutatud kirjad", "Atkritne", "Dzēstie", "Dzēstie vienumi", "Šiukšlinė",
    "Šiukšliadėžė", "Ištrinti",
    // Japanese, Chinese, Korean, Vietnamese, Indonesian, Thai
    "ゴミ箱", "ごみ箱", "削除済みアイテム", "削除済み", "削除済みメール", "已删除", "已删除邮件", "已删除消息", "已刪除郵件",
    "刪除的郵件", "刪除郵件", "回收站", "废纸篓", "废件箱", "垃圾桶", "휴지통", "지운 편지함", "지운편지함", "삭제된 항목",
    "삭제된 메일함", "Thùng rác", "Đã xóa", "Sampah", "Item Dihapus", "ถังขยะ", "รายการที่ถูกลบ",
    // Hebrew, Arabic
    "אשפה", "פריטים שנמחקו", "סל אשפה", "المهملات", "العناصر المحذوفة", "سلة المهملات",
];

#[rustfmt::skip]
const JUNK: &[&str] = &[
    // English
    "Junk", "Spam", "Junk Email", "Junk E-mail", "Junk Mail", "Bulk Mail", "Bulk", "JunkMail", "Junk Folder",
    "Spam Mail", "Spambox", "Spam Folder", "Unsolicited", "Suspected Spam", "Probably Spam", 
    
    // German
    "Junk-E-Mail", "Junk-Mail-Ordner", "Unerwünscht", "Unerwünschte Werbung", "Spamverdacht", "Spam-Verdacht",
    "Unerwünschte E-Mails",
    // French
    "Courrier indésirable", "Indésirables", "Pourriel", "Pourriels", "Indésirable", "Messages indésirables",
    "Email indésirable",
    // Spanish, Catalan
    "Correo no deseado", "Correo electrónico no deseado", "No deseado", "Correo basura", "Correu brossa",
    "Correu no desitjat",
    // Italian
    "Posta indesiderata", "Indesiderata", "Indesiderati", "Posta spazzatura",
    // Portuguese
    "Lixo Eletrônico", "Lixo Eletrónico", "Lixo Electrónico", "Correio não solicitado", "Email de lixo",
    "Correio eletrónico não solicitado", "E-mail de Lixo",
    // Dutch
    "Ongewenste e-mail", "Ongewenst", "Ongewenste mail", "Ongewenste berichten", 
    // Polish
    "Wiadomości-śmieci", "Wiadomości śmieci", "Niechciane", "Niechciana poczta", "Śmieci",
    // Russian, Ukrainian, Bulgarian, Serbian
    "Спам", "Нежелательная почта", "Небажана пошта", "Нежелана поща", "Нежељена пошта",
    // Czech, Slovak, Slovene, Croatian
    "Nevyžádaná pošta", "Nevyžádané", "Hromadná pošta", "Nevyžiadaná pošta", "Nevyžiadané", "Neželena pošta",
    "Neželjena pošta", "Neželjeno",
    // Swedish, Danish, Norwegian, Finnish, Icelandic
    "Skräppost", "Skräp", "Uønsket mail", "Uønsket e-mail", "Uønsket post", "Uønsket", "Søppelpost", "Søppel-e-post",
    "Useriøs e-post", "Roskaposti", "Roskapostit", "Ruslpóstur",
    // Hungarian, Romanian, Greek, Turkish
    "Levélszemét", "Kéretlen", "Kéretlen levelek", "Nedorite", "E-mail nedorit", "Mesaje nedorite", "Ανεπιθύμητα",
    "Ανεπιθύμητη αλληλογραφία", "Ανεπιθύμητη", "Önemsiz", "Önemsiz E-posta", "Gereksiz", "Gereksiz E-posta",
    "İstenmeyen",
    // Baltic languages
    "Rämpspost", "Rämps", "Mēstules", "Surogātpasts", "Nevēlamais e-pasts", "Šlamštas", "Nepageidaujami laiškai",
    // Japanese, Chinese, Korean, Vietnamese, Indonesian, Thai
    "迷惑メール", "スパム", "垃圾邮件", "垃圾郵件", "广告邮件", "廣告郵件", "垃圾信件", "스팸", "스팸메일함", "스팸함",
    "스팸 메일함", "정크 메일", "정크 메일함", "Thư rác", "Email Sampah", "จดหมายขยะ", "อีเมลขยะ",
    // Hebrew, Arabic
    "דואר זבל", "זבל", "ספאם", "البريد العشوائي", "البريد غير الهام", "بريد مزعج",
];

#[rustfmt::skip]
const ARCHIVE: &[&str] = &[
    // English
    "Archive", "Archives", "Archived", "Archived Mail", "Archived Messages",
    // German
    "Archiv", "Archivierte Elemente", "Archiviert",
    // French
    "Archivés", "Éléments archivés",
    // Spanish, Catalan
    "Archivo", "Archivados", "Archivado", "Arxiu", "Arxivats",
    // Italian
    "Archivio", "Archiviati", "Archiviata",
    // Portuguese
    "Arquivo", "Arquivo Morto", "Arquivados", "Arquivo de Mensagens",
    // Dutch
    "Archief", "Gearchiveerd",
    // Polish
    "Archiwum", "Archiwa", "Zarchiwizowane",
    // Russian, Ukrainian, Bulgarian, Serbian
    "Архив", "Архив писем", "Архів", "Архива",
    // Czech, Slovak, Slovene, Croatian
    "Archív", "Archivováno", "Arhiv", "Arhiva",
    // Swedish, Danish, Norwegian, Finnish, Icelandic
    "Arkiv", "Arkiverat", "Arkiverade", "Arkiveret", "Arkivert", "Arkisto", "Arkistoidut", "Geymsla",
    // Hungarian, Romanian, Greek, Turkish
    "Archívum", "Archivált", "Arhivă", "Arhivate", "Αρχείο", "Αρχειοθήκη", "Arşiv", "Arşivlenenler",
    // Baltic languages
    "Arhiiv", "Arhīvs", "Archyvas",
    // Japanese, Chinese, Korean, Vietnamese, Indonesian, Thai
    "アーカイブ", "归档", "存档", "封存", "歸檔", "典藏", "보관함", "보관", "Lưu trữ", "Arsip", "ที่เก็บถาวร", "เก็บถาวร",
    // Hebrew, Arabic
    "ארכיון", "الأرشيف", "أرشيف",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_name_has_two_roles() {
        let mut seen = BTreeMap::new();
        for role in ROLES {
            for name in of(&role) {
                let other = seen.insert(normalised(name).collect::<String>(), role.clone());
                assert!(other.is_none_or(|other| other == role), "{name} is two roles");
            }
        }
        assert!(seen.len() >= 500, "{} names", seen.len());
    }

    #[test]
    fn every_name_of_the_lists_is_found() {
        for role in ROLES {
            for name in of(&role) {
                assert_eq!(role_of(name), Some(role.clone()), "{name}");
            }
        }
    }

    #[test]
    fn usual_names_are_known() {
        for (name, role) in [
            ("Sent Items", SpecialUse::Sent),
            ("sent-mail", SpecialUse::Sent),
            ("Sent Messages", SpecialUse::Sent),
            ("Gesendete Elemente", SpecialUse::Sent),
            ("GÖNDERİLMİŞ ÖĞELER", SpecialUse::Sent),
            ("Deleted Items", SpecialUse::Trash),
            ("Odstraněná pošta", SpecialUse::Trash),
            ("Junk E-mail", SpecialUse::Junk),
            ("JUNK E-MAIL", SpecialUse::Junk),
            ("spam", SpecialUse::Junk),
            ("Bulk Mail", SpecialUse::Junk),
            ("Entwürfe", SpecialUse::Drafts),
            ("下書き", SpecialUse::Drafts),
            ("Archiv", SpecialUse::Archive),
        ] {
            assert_eq!(role_of(name), Some(role), "{name}");
        }
        assert_eq!(role_of("Work"), None);
        assert_eq!(role_of(""), None);
        assert_eq!(usualness("Sent", &SpecialUse::Sent), Some(0));
        assert_eq!(usualness("Sent", &SpecialUse::Junk), None);
    }
}
