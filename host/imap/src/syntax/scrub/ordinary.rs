//! The words that servers make their sentences of. A password that has one of them in it is no reason to
//! leave it out.

/// In lower case, sorted within each language.
const WORDS: &str = "\
    a able about abuse accept accepted access account accounts active activity address administrator again alert all allow \
    allowed already an and another any app append appended application applications are argument arguments as at attempt \
    attempts auth authenticate authenticated authenticating authentication authenticationfailed authorization authorize \
    authorized available back backend bad badly be because been before begin box browser busy but by bye bytes call can \
    cannot capabilities capability change changed character check clear client close closed closing code command commands \
    complete completed connect connected connecting connection connections contact copy could courier create created \
    credential credentials cyrus data database date day days deferred delete deleted denied did disabled disconnect \
    disconnected do does domain done dovecot down email empty enable enabled encrypted encryption end error errors even \
    examine exceeded exceeds exchange exist existing exists expected expired expunge fail failed failure fetch few find first \
    flag flags folder folders for forbidden format found free from full further get given gmail goodbye google got greeting \
    had has hash have hello help here host hour hours how id idle if imap imap4 imap4rev1 imap4rev2 in inactivity incorrect \
    information input insecure internal invalid ip is it its just key later lasterror less level limit line list literal \
    local locked log logged logging login logins logout long mail mailbox mailboxes make many max maximum may mechanism \
    mechanisms memory message messages method microsoft minute minutes missing mode more most move must my name namespace \
    need needed network new next no nonexistent noop not nothing now number of off office ok old on one only open operation \
    option or other our out outlook over overquota parse part pass password passwords people per permanent permission \
    permissions permitted phrase plain please policy port preauth private problem process proceed protocol provided proxy \
    query quota quotas rate reached read ready reason received recent refused rejected remote remove renamed request \
    requests require required requires reset resource response retry right root same search second seconds secret secure \
    security see seen select selected send sent server servers service session sessions set shared should shut shutdown \
    shutting sign signed simultaneous since size slow some soon specific ssl start started starting state status storage \
    store subscribe subscribed success successful successfully such support supported suspended syntax system take tag \
    target temporarily temporary test text than thank thanks that the their them then there this throttled time timed \
    timeout tls to today token too transaction try trying turn two type unable unauthorized unavailable under unexpected \
    unique unknown unsupported until up update url usage use used user username users valid value version via wait waiting \
    was we web webmail welcome were what when which while who will with within without work working write wrong yet you \
    your \
    abgelehnt anmelden anmeldung bitte benutzer benutzername falsch falsches fehler gesperrt geheim kennwort konto nicht \
    nachricht nachrichten ordner passwort postfach server ungültig ungültiges zugang";

/// Whether the word is one that servers use in their sentences, in any case.
pub(super) fn is_ordinary(word: &[u8]) -> bool {
    WORDS.split_ascii_whitespace().any(|known| known.as_bytes().eq_ignore_ascii_case(word))
}
