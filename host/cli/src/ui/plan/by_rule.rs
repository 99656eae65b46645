//! The table by rule: which folders go where by whose word, in how many mailboxes, with how much to copy.
//! Its columns add up to the plan's sums.

use std::borrow::Cow;

use mailhaul_engine::plan::{Overview, RuleGroup, Way};
use mailhaul_text::{bytes, count, plural};

use super::super::paint::{Palette, Tone};
use super::super::table::{Align, Table};
use super::fleet::short;

/// Rules that have a line of their own; who has more of them finds all in JSON.
const RULES: usize = 12;

/// Names that are ruled on which have a line of their own, as far as the page has room for them.
const NAMES: usize = 60;

/// Names that have a line of their own whatever else stands on the page.
const FEWEST_NAMES: usize = 5;

/// Cells of a name on the page; the middle of a longer one is left out.
const NAME: usize = 24;

/// Which columns of words there is room for.
#[derive(Debug, Clone, Copy)]
enum Words {
    /// Who decided, and why.
    Both,
    /// Who decided; why stands below a name.
    By,
    /// Neither: both stand below what was decided by a rule or for a name.
    Below,
}

/// Returns the table in at most so many `lines`, as far as fewer names make it shorter.
pub(crate) fn by_rule(overview: &Overview, lines: usize, width: Option<usize>, palette: Palette) -> String {
    let mut names = overview.groups().iter().filter(|group| group.way == Way::Name).count().min(NAMES);
    loop {
        let table = draw(&rows(overview, names), overview, width, palette);
        let over = table.lines().count().saturating_sub(lines);
        if over == 0 || names <= FEWEST_NAMES {
            return table;
        }
        names = names.saturating_sub(over.div_ceil(3)).max(FEWEST_NAMES);
    }
}

fn draw(rows: &[Cow<'_, RuleGroup>], overview: &Overview, width: Option<usize>, palette: Palette) -> String {
    let mut out = format!("{}\n", palette.paint(Tone::Strong, "by rule:"));
    let tables = [Words::Both, Words::By].map(|words| table(rows, overview, words));
    let fits = |table: &&Table| width.is_none_or(|width| table.natural_width() <= width);
    match tables.iter().find(fits) {
        Some(table) => out.push_str(&table.render(width, palette)),
        None => out.push_str(&table(rows, overview, Words::Below).render(width, palette)),
    }
    out
}

/// The groups that have a line of their own, and those that are lines for many groups.
fn rows(overview: &Overview, most_names: usize) -> Vec<Cow<'_, RuleGroup>> {
    let mut rows: Vec<Cow<'_, RuleGroup>> = Vec::new();
    let (mut rules, mut names) = (0, 0);
    let mut further: Vec<RuleGroup> = Vec::new();
    for group in overview.groups() {
        match group.way {
            Way::Container => {}
            Way::Rule if rules < RULES => {
                rules += 1;
                rows.push(Cow::Borrowed(group));
            }
            Way::Name if names < most_names => {
                names += 1;
                rows.push(Cow::Borrowed(group));
            }
            Way::Rule | Way::Name | Way::OtherNames => fold(&mut further, group),
            Way::Inbox | Way::Stays | Way::Outside => {
                rows.extend(further.drain(..).map(Cow::Owned));
                rows.push(Cow::Borrowed(group));
            }
        }
    }
    rows.extend(further.into_iter().map(Cow::Owned));
    rows
}

/// Counts a group in the line of those that have none: rules in one, names in another.
fn fold(further: &mut Vec<RuleGroup>, group: &RuleGroup) {
    let way = if group.way == Way::Rule { Way::Rule } else { Way::OtherNames };
    match further.iter_mut().find(|line| line.way == way) {
        Some(line) => line.join(group),
        None => {
            let mut line = group.clone();
            (line.way, line.mailboxes) = (way, 0);
            (line.rule, line.from, line.to, line.why) = (None, None, None, None);
            further.push(line);
        }
    }
}

fn table(rows: &[Cow<'_, RuleGroup>], overview: &Overview, words: Words) -> Table {
    let any_there = rows.iter().any(|group| group.already_there > 0);
    let any_left_out = rows.iter().any(|group| group.left_out.messages > 0);
    let (by_column, why_column) = match words {
        Words::Both => (true, true),
        Words::By => (true, false),
        Words::Below => (false, false),
    };
    let columns = [
        (true, ("Mailboxes", Align::Right)),
        (true, ("From and to", Align::Left)),
        (by_column, ("Decided by", Align::Left)),
        (true, ("To copy", Align::Right)),
        (true, ("Size", Align::Right)),
        (any_there, ("There", Align::Right)),
        (any_left_out, ("Left out", Align::Right)),
        (why_column, ("Why", Align::Left)),
    ];
    let shown = |cells: [String; 8]| -> Vec<String> {
        cells.into_iter().zip(&columns).filter(|(_, (shown, _))| *shown).map(|(cell, _)| cell).collect()
    };
    let heads: Vec<_> = columns.iter().filter(|(shown, _)| *shown).map(|(_, head)| *head).collect();
    let mut table = Table::new(2, &heads);
    let push = |table: &mut Table, cells: [String; 8]| {
        let cells = shown(cells);
        let last = cells.len() - 1;
        let tone = |at: usize| (why_column && at == last).then_some(Tone::Faint);
        let cells: Vec<_> = cells.iter().enumerate().map(|(at, cell)| (cell.as_str(), tone(at))).collect();
        table.push_row_of(&cells);
    };
    for group in rows {
        let (by, why) = (short(&group.by, 20), group.why.as_deref().map(|why| short(why, 60)));
        // Of a line for many groups nobody has counted which mailboxes have any of them.
        let mailboxes = if group.mailboxes > 0 { count(group.mailboxes) } else { String::new() };
        let [to_copy, size, there, left_out] = figures(group);
        let why_cell = why.clone().unwrap_or_default();
        push(&mut table, [mailboxes, way(group), by.clone(), to_copy, size, there, left_out, why_cell]);
        let why = why.filter(|_| matches!(group.way, Way::Name | Way::Outside));
        let remark = match (words, group.way, why) {
            (Words::By, _, Some(why)) => why,
            (Words::Below, Way::Name, Some(why)) => short(&format!("{by}: {why}"), 60),
            (Words::Below, Way::Outside, Some(why)) => why,
            (Words::Below, Way::Rule | Way::Name, _) => by,
            _ => continue,
        };
        table.push_remark(&format!("           {remark}"));
    }
    let mut sum: Option<RuleGroup> = None;
    for group in rows {
        match &mut sum {
            Some(sum) => sum.join(group),
            None => sum = Some(group.clone().into_owned()),
        }
    }
    if let Some(sum) = sum {
        let [to_copy, size, there, left_out] = figures(&sum);
        let (all, none) = (count(overview.totals().mailboxes), String::new);
        push(&mut table, [all, "Sum".to_owned(), none(), to_copy, size, there, left_out, none()]);
    }
    table
}

/// To copy, its size, already there, left out.
fn figures(group: &RuleGroup) -> [String; 4] {
    let size = group.bytes_to_copy.filter(|_| group.to_copy > 0);
    [
        count(group.to_copy),
        size.map_or_else(String::new, bytes),
        count(group.already_there),
        count(group.left_out.messages),
    ]
}

/// From where to where, in the words of the page.
pub(super) fn way(group: &RuleGroup) -> String {
    let folders = || plural(group.folders, "folder");
    match (group.way, &group.from, &group.rule) {
        (Way::Rule, _, Some(rule)) => short(rule, 2 * NAME),
        (Way::Name, Some(from), _) => {
            let below = if group.below { "/**" } else { "" };
            match &group.to {
                Some(to) => format!("{}{below} → {}{below}", short(from, NAME), short(to, NAME)),
                None => format!("{}{below} → left out", short(from, NAME)),
            }
        }
        (Way::Rule, ..) => format!("further rules: {}", folders()),
        (Way::Name | Way::OtherNames, ..) => format!("further names: {}", folders()),
        (Way::Inbox, ..) => "INBOX stays".to_owned(),
        (Way::Stays, ..) => match group.folders {
            1 => "another folder stays".to_owned(),
            n => format!("other folders stay ({})", count(n)),
        },
        (Way::Outside, ..) => format!("outside the mailboxes ({})", folders()),
        (Way::Container, ..) => format!("without messages ({})", folders()),
    }
}
