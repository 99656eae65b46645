//! What the invented people are called and write about.

/// Display name and address of a correspondent.
pub(super) const PEOPLE: [(&str, &str); 12] = [
    ("Anna Müller", "anna.mueller@example.org"),
    ("Jürgen Weiß", "weiss@gmbh.example"),
    ("Zoë O'Connor", "zoe@oconnor.example"),
    ("田中 さくら", "sakura@tanaka.example"),
    ("Łukasz Żak", "lukasz@zak.example"),
    ("Billing", "billing@hosting.example"),
    ("Doe, John", "john.doe@corp.example"),
    ("Σοφία Παππά", "sofia@pappas.example"),
    ("Newsletter", "news@letters.example"),
    ("Marie-Hélène Côté", "mhc@cote.example"),
    ("GitForge", "noreply@gitforge.example"),
    ("O. Nymous", "o@nymous.example"),
];

/// Subjects; the non-ASCII ones travel as RFC 2047 words.
pub(super) const SUBJECTS: [&str; 16] = [
    "Invoice 2023-{n}",
    "Re: Angebot für die neue Küche",
    "Fwd: Fwd: tickets",
    "[list] release {n} is out",
    "Termin am Donnerstag?",
    "お見積もりの件 {n}",
    "Your order no. {n} has been shipped",
    "lunch",
    "Re: Re: AW: WG: Vertragsänderung",
    "Zażółć gęślą jaźń",
    "Minutes of the meeting ({n})",
    "📦 Paket {n} unterwegs",
    "password reset",
    "URGENT: server down!!!",
    "Photos from the trip — part {n}",
    "Résumé de la réunion nº {n}",
];

/// Sentences for bodies.
pub(super) const SENTENCES: [&str; 14] = [
    "Thanks for the quick answer.",
    "Please find the figures attached.",
    "Können wir den Termin auf nächste Woche verschieben?",
    "The server was moved last night and everything looks fine so far.",
    "Bitte bis Freitag überweisen, danke!",
    "来週の会議の資料を送ります。",
    "I will be out of the office from Monday; call Zoë if something burns.",
    "From what I can see the second line is the important one.",
    "Le devis est valable trente jours.",
    "See https://example.org/a/rather/long/path?with=query&and=more#fragment for details.",
    ".a line that starts with a full stop",
    "Το πακέτο έφτασε χθες.",
    "— sent from my phone, please excuse the brevity",
    "> quoted text of the message before, kept for reference",
];

/// Attachments: name and media type.
pub(super) const FILES: [(&str, &str); 6] = [
    ("invoice.pdf", "application/pdf"),
    ("Übersicht 2023.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("IMG_2041.jpg", "image/jpeg"),
    ("写真.png", "image/png"),
    ("archive.zip", "application/zip"),
    ("notes.txt", "text/plain"),
];
