//! What blocks and what goes, above every fold, where nobody can overlook it.

use crate::kinds;
use crate::model::{Change, Diagnostic, Plan, Verb};
use crate::render::markdown::Cut;
use crate::render::{digest, escape};

/// A danger that is said in more bytes than this is only named when there are multitudes.
const LONGEST_SENTENCE: usize = 1000;

/// What blocks and what goes. Alerts do not work inside a fold.
pub fn caution(plan: &Plan, dangers: &[&Diagnostic], max_bytes: usize, cut: Cut) -> Option<String> {
    let all = digest::ordered(plan.all_changes());
    let deleted: Vec<&Change> = all.iter().copied().filter(|it| it.verb == Verb::Delete).collect();
    let anew = all.iter().filter(|it| it.verb == Verb::Replace && !digest::is_rotation(it));
    let anew: Vec<&Change> = anew.copied().collect();
    let mut paragraphs = Vec::new();
    for (what, changes) in [("Deletes", &deleted), ("Deletes and makes anew", &anew)] {
        if changes.is_empty() {
            continue;
        }
        let names = match cut {
            // A quarter of the room for each of the two leaves half of it for everything else.
            Cut::Multitudes => counted(changes, max_bytes / 4),
            _ => names(changes).join(", "),
        };
        paragraphs.push(format!("**{what}** {names}."));
    }
    for change in deleted.iter().chain(&anew).filter(|it| cut < Cut::Fields && !it.remarks.is_empty()) {
        let remarks: Vec<_> = change.remarks.iter().map(|it| escape::prose(it)).collect();
        paragraphs.push(format!("{}: {}.", escape::code(&change.id.to_string()), remarks.join("; ")));
    }
    paragraphs.extend(match cut {
        Cut::Multitudes => first_of_each(dangers),
        _ => dangers.iter().map(|it| sentence(it)).collect(),
    });
    if !dangers.is_empty() {
        let count = digest::count(dangers.len(), "danger blocks", "dangers block");
        let rehearsal = digest::rehearsal(plan).map(|it| format!(" {it}")).unwrap_or_default();
        paragraphs.push(format!("{count} this plan.{rehearsal}"));
    }
    let quoted: Vec<_> = paragraphs.iter().map(|it| format!("> {it}")).collect();
    (!quoted.is_empty()).then(|| format!("> [!CAUTION]\n{}", quoted.join("\n>\n")))
}

fn names(changes: &[&Change]) -> Vec<String> {
    changes.iter().map(|it| escape::code(&it.id.to_string())).collect()
}

/// The names of the first of each kind, as many as there is room for, and how many more there are.
fn counted(changes: &[&Change], room: usize) -> String {
    let mut kinds: Vec<&str> = changes.iter().map(|it| it.kind.as_str()).collect();
    kinds.dedup();
    let share = room / kinds.len().max(1);
    let of_kind = |kind: &&str| {
        let of_it: Vec<&Change> = changes.iter().copied().filter(|it| it.kind == **kind).collect();
        let all = names(&of_it);
        let mut left = share;
        let fits = all.iter().take_while(|it| {
            let fits = it.len() + 2 <= left;
            left = left.saturating_sub(it.len() + 2);
            fits
        });
        let shown = fits.count().max(1);
        let section = kinds::by_word(kind).map_or_else(|| escape::word(kind), |it| it.facts().section.to_owned());
        match all.len() - shown {
            0 => all.join(", "),
            more => format!("{} and {more} more {section}", all[..shown].join(", ")),
        }
    };
    kinds.iter().map(of_kind).collect::<Vec<_>>().join("; ")
}

fn sentence(danger: &Diagnostic) -> String {
    let remedy = match (&danger.help, digest::allowance(danger)) {
        (Some(help), _) => escape::prose(help),
        (None, Some(it)) => format!("needs {}", escape::code(&format!("--allow {}", escape::shell(&it)))),
        (None, None) => "cannot be acknowledged".to_owned(),
    };
    let (code, message) = (escape::word(&danger.code), escape::prose(&danger.message));
    format!("**{code}**: {message} ({remedy}).")
}

/// The first danger of each code, and how many more there are of it.
fn first_of_each(dangers: &[&Diagnostic]) -> Vec<String> {
    let mut codes: Vec<&str> = dangers.iter().map(|it| it.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let of_code = |code: &str| {
        let of_it: Vec<&Diagnostic> = dangers.iter().copied().filter(|it| it.code == code).collect();
        let mut text = sentence(of_it[0]);
        if text.len() > LONGEST_SENTENCE {
            let of = of_it[0].change.as_ref().map(|it| format!(" of {}", escape::code(&it.to_string())));
            text = format!("**{}**{}.", escape::word(code), of.unwrap_or_default());
        }
        if of_it.len() > 1 {
            text.push_str(&format!(" The same of {} more.", of_it.len() - 1));
        }
        text
    };
    codes.into_iter().map(of_code).collect()
}
