//! Diagnostics for people (source excerpts), for machines (JSON), and for GitHub (workflow commands).

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use serde_json::{Map, Value, json};

use crate::model::desired::SourceFile;
use crate::model::{Diagnostic, Place, Severity};
use crate::render::escape;
use crate::render::excerpt::{self, Excerpt};

/// The name of the JSON format.
pub const FORMAT: &str = "bylaws.diagnostics";
/// Minor versions only add.
pub const FORMAT_VERSION: &str = "1.0";

/// How many findings people are shown at most.
pub const LIMIT: usize = 20;

/// What the excerpts are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Letters only. Nothing is said by colour alone.
    #[default]
    Off,
    /// ANSI sequences.
    On,
}

/// Findings as source excerpts, at most `limit` of them, errors before warnings where not all are shown,
/// and a last line that counts them all. Empty for none.
pub fn text(diagnostics: &[Diagnostic], files: &[SourceFile], limit: usize) -> String {
    drawn(diagnostics, files, limit, Colour::Off)
}

/// The same, with or without colour.
pub fn drawn(diagnostics: &[Diagnostic], files: &[SourceFile], limit: usize, colour: Colour) -> String {
    let renderer = match colour {
        Colour::Off => Renderer::plain(),
        Colour::On => Renderer::styled(),
    };
    let renderer = renderer.term_width(DEFAULT_TERM_WIDTH);
    let mut shown: Vec<usize> = (0..diagnostics.len()).collect();
    shown.sort_by_key(|at| diagnostics[*at].severity);
    shown.truncate(limit);
    shown.sort_unstable();
    let mut text = String::new();
    for at in &shown {
        text.push_str(&one(&diagnostics[*at], files, &renderer));
        text.push_str("\n\n");
    }
    if shown.len() < diagnostics.len() {
        text.push_str(&format!("… and {} more.\n\n", diagnostics.len() - shown.len()));
    }
    text.push_str(&summary(diagnostics));
    escape::log(&text)
}

/// `2 errors, 1 warning. More: bylaws explain E0203`
fn summary(diagnostics: &[Diagnostic]) -> String {
    let Some(worst) = diagnostics.iter().min_by_key(|it| it.severity) else { return String::new() };
    format!("{}. More: bylaws explain {}\n", counted(diagnostics.iter()), escape::terminal(&worst.code))
}

/// `2 errors, 1 warning`
fn counted<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic> + Clone) -> String {
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let count = |severity: Severity| diagnostics.clone().filter(|it| it.severity == severity).count();
    let counts = words.into_iter().map(|(severity, word)| (count(severity), word)).filter(|(count, _)| *count > 0);
    counts
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect::<Vec<_>>()
        .join(", ")
}

fn one(diagnostic: &Diagnostic, files: &[SourceFile], renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(escape::terminal(&diagnostic.message)).id(escape::terminal(&diagnostic.code));
    let mut main = Group::with_title(title);
    let excerpt = diagnostic.place.as_ref().and_then(|it| excerpt::cut(files, it));
    match (&diagnostic.place, &excerpt) {
        (Some(place), Some(excerpt)) => {
            let label = diagnostic.label.as_deref().map(escape::terminal);
            let mark = AnnotationKind::Primary.span(excerpt.mark.clone()).label(label);
            let snippet =
                Snippet::source(&excerpt.text).line_start(excerpt.first_line).path(escape::terminal(&place.file));
            main = main.element(snippet.fold(false).annotation(mark));
        }
        (Some(place), None) => {
            let origin = Origin::path(escape::terminal(&place.file)).line(place.line as usize);
            main = main.element(origin.char_column(place.column as usize));
        }
        (None, _) => {}
    }
    let help = diagnostic.help.as_deref().map(escape::terminal);
    let patch = excerpt.as_ref().zip(diagnostic.replace_with.as_ref()).and_then(|(it, text)| patched(it, text));
    let mut groups = Vec::new();
    match patch {
        Some(snippet) => {
            groups.push(main);
            let title = help.unwrap_or_else(|| "write this instead".to_owned());
            groups.push(Group::with_title(Level::HELP.secondary_title(title)).element(snippet));
        }
        None => groups.push(main.elements(help.map(|it| Level::HELP.message(it)))),
    }
    for related in &diagnostic.related {
        let at = related.place.as_ref().map(|it| format!(" at {}", shown_place(it))).unwrap_or_default();
        groups.push(Group::with_title(
            Level::NOTE.secondary_title(format!("{}{at}", escape::terminal(&related.message))),
        ));
    }
    let drawn = renderer.render(&groups);
    match (&diagnostic.place, &excerpt) {
        // What was drawn counts columns of the excerpt, where the place counts columns of the file.
        (Some(place), Some(excerpt)) if excerpt.column != place.column as usize => {
            let path = escape::terminal(&place.file);
            let wrong = format!("{path}:{}:{}", place.line, excerpt.column);
            drawn.replacen(&wrong, &format!("{path}:{}:{}", place.line, place.column), 1)
        }
        _ => drawn,
    }
}

fn shown_place(place: &Place) -> String {
    format!("{}:{}:{}", escape::terminal(&place.file), place.line, place.column)
}

/// The line as it should be, where the mark does not go over its end.
fn patched<'a>(excerpt: &'a Excerpt, replacement: &str) -> Option<Snippet<'a, Patch<'a>>> {
    let marked = excerpt.text.get(excerpt.mark.clone())?;
    let whole = !marked.is_empty() && !marked.contains('\n') && excerpt.whole;
    let patch = Patch::new(excerpt.mark.clone(), escape::terminal(replacement));
    whole.then(|| Snippet::source(&excerpt.text).line_start(excerpt.first_line).patch(patch))
}

/// Findings as a document of the form `bylaws.diagnostics` 1.0.
pub fn json(diagnostics: &[Diagnostic]) -> Value {
    let diagnostics: Vec<Value> = diagnostics.iter().map(one_as_json).collect();
    json!({"format": FORMAT, "formatVersion": FORMAT_VERSION, "diagnostics": diagnostics})
}

fn one_as_json(diagnostic: &Diagnostic) -> Value {
    let Diagnostic { code, severity, blocking, message, place, label, help, replace_with, related, change, allow } =
        diagnostic;
    let mut map = Map::new();
    let mut set = |name: &str, value: Value| map.insert(name.to_owned(), value);
    set("code", json!(code));
    set("severity", json!(severity));
    if *blocking {
        set("blocking", json!(true));
    }
    if let Some(change) = change {
        set("change", json!(change));
    }
    if let Some(allow) = allow {
        set("allow", json!(allow));
    }
    set("message", json!(message));
    if let Some(place) = place {
        set("file", json!(place.file));
        set("start", json!({"line": place.line, "column": place.column, "byte": place.start_byte}));
        set("end", json!({"line": place.end_line, "column": place.end_column, "byte": place.end_byte}));
    }
    if let Some(label) = label {
        set("label", json!(label));
    }
    if let Some(help) = help {
        set("help", json!(help));
    }
    if let Some(text) = replace_with {
        set("suggestion", json!({"replaceWith": text, "applicability": "maybe-incorrect"}));
    }
    let related: Vec<Value> = related
        .iter()
        .map(|it| match &it.place {
            Some(at) => json!({"message": it.message, "file": at.file, "line": at.line, "column": at.column}),
            None => json!({"message": it.message}),
        })
        .collect();
    set("related", json!(related));
    Value::Object(map)
}

/// Findings as workflow commands, which GitHub shows beside the lines of a pull request: the first ten of each
/// severity (GitHub drops more), and a last line with how many more there are.
pub fn github(diagnostics: &[Diagnostic]) -> String {
    const MOST: usize = 10;
    let mut text = String::new();
    let mut left = Vec::new();
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "notice")]
    {
        for (index, diagnostic) in diagnostics.iter().filter(|it| it.severity == severity).enumerate() {
            if index < MOST {
                text.push_str(&workflow_command(command, diagnostic));
            } else {
                left.push(diagnostic);
            }
        }
    }
    if !left.is_empty() {
        text.push_str(&format!("{} more, not shown here\n", counted(left.into_iter())));
    }
    text
}

fn workflow_command(command: &str, diagnostic: &Diagnostic) -> String {
    let mut properties = Vec::new();
    if let Some(place) = &diagnostic.place {
        properties.push(format!("file={}", escape::workflow_property(&place.file)));
        properties.push(format!("line={}", place.line));
        properties.push(format!("col={}", place.column));
        // GitHub takes an end column only within one line.
        match place.end_line == place.line {
            true => properties.push(format!("endColumn={}", place.end_column)),
            false => properties.push(format!("endLine={}", place.end_line)),
        }
    }
    properties.push(format!("title={}", escape::workflow_property(&diagnostic.code)));
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("; {help}"));
    }
    if let Some(right) = diagnostic.replace_with.as_ref().filter(|it| !message.contains(it.as_str())) {
        message.push_str(&format!(": `{right}`"));
    }
    format!("::{command} {}::{}\n", properties.join(","), escape::workflow_message(&message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Colour, drawn, github, json as to_json, text};
    use crate::model::desired::{SourceFile, place_in};
    use crate::model::diagnostic::Related;
    use crate::model::{Diagnostic, Place, Severity, Span};
    use crate::trials::tried;

    const SERVICES: &str =
        "services:\n  # the shop\n  checkout:\n    renamedFrom: payments-checkout\n    owner: team/paymets\n";

    fn files() -> Vec<SourceFile> {
        let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.into() };
        vec![file("org/services.yaml", SERVICES), file("org/org.yaml", "teams:\n  payments: {}\n")]
    }

    fn example() -> Diagnostic {
        let files = files();
        let start = SERVICES.find("paymets").unwrap() as u32;
        let at = Span { file: 0, start, end: start + 7, line: 5, column: 17 };
        let defined = Span { file: 1, start: 9, end: 17, line: 2, column: 3 };
        let note = "for a team managed elsewhere, list it under `external: {teams: [paymets]}`";
        Diagnostic {
            place: Some(place_in(&files, at)),
            label: Some("no team `paymets` in the manifest".to_owned()),
            help: Some("a team with a similar name exists".to_owned()),
            replace_with: Some("payments".to_owned()),
            related: vec![
                Related { message: "`payments` is defined".to_owned(), place: Some(place_in(&files, defined)) },
                Related { message: note.to_owned(), place: None },
            ],
            ..Diagnostic::error("E0203", "service `checkout` is owned by a team that is not defined: `paymets`")
        }
    }

    #[test]
    fn an_undefined_reference_is_drawn_as_in_the_manual() {
        let expected = "\
error[E0203]: service `checkout` is owned by a team that is not defined: `paymets`
 --> org/services.yaml:5:17
  |
3 |   checkout:
4 |     renamedFrom: payments-checkout
5 |     owner: team/paymets
  |                 ^^^^^^^ no team `paymets` in the manifest
  |
help: a team with a similar name exists
  |
5 |     owner: team/payments
  |                      +
note: `payments` is defined at org/org.yaml:2:3
note: for a team managed elsewhere, list it under `external: {teams: [paymets]}`

1 error. More: bylaws explain E0203
";
        assert_eq!(text(&[example()], &files(), 20), expected);
    }

    #[test]
    fn findings_without_a_place_or_a_file_are_drawn_too() {
        let placeless =
            Diagnostic { help: Some("write it".to_owned()), ..Diagnostic::error("E0204", "no organization") };
        let drawn = text(&[placeless, example()], &[], 20);
        assert!(drawn.starts_with("error[E0204]: no organization\n |\n = help: write it\n\nerror[E0203]"), "{drawn}");
        assert!(drawn.contains("--> org/services.yaml:5:17\n"), "{drawn}");
        assert!(drawn.ends_with("2 errors. More: bylaws explain E0204\n"));
        assert_eq!(text(&[], &[], 20), "");
    }

    #[test]
    fn what_is_not_shown_is_counted_and_errors_come_first() {
        let warning = Diagnostic::new(Severity::Warning, "E0114", "w");
        let mut all = vec![warning; 30];
        all.push(Diagnostic::error("E0301", "e"));
        let drawn = text(&all, &[], 20);
        assert_eq!(drawn.matches("warning[E0114]: w").count(), 19);
        assert!(
            drawn.contains("error[E0301]: e\n\n… and 11 more.\n\n1 error, 30 warnings. More: bylaws explain E0301\n"),
            "{drawn}"
        );
    }

    #[test]
    fn foreign_text_is_harmless() {
        let source = "a: \u{1b}[2J\u{202e}x\n";
        let files = [SourceFile { path: "a\u{1b}.yaml".to_owned(), text: source.into() }];
        let at = Span { file: 0, start: 10, end: 11, line: 1, column: 9 };
        let found = Diagnostic {
            place: Some(place_in(&files, at)),
            label: Some("\u{1b}]8;;".to_owned()),
            help: Some("\u{9b}31m\r\n::error::x ##[group]".to_owned()),
            ..Diagnostic::error("E0301", "\u{1b}[31mred\n::set-output name=x::y")
        };
        let drawn = text(std::slice::from_ref(&found), &files, 20);
        assert!(drawn.chars().all(|it| it == '\n' || !crate::model::name::is_invisible(it)), "{drawn:?}");
        assert!(drawn.contains("a\\u{1b}.yaml:1:9\n") && !drawn.contains("##["), "{drawn}");
        let commands = github(&[found]);
        assert_eq!(commands.lines().count(), 1, "{commands}");
        assert!(commands.starts_with("::error file=a\\u{1b}.yaml,line=1,col=9,"));
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let coloured = drawn(&[example()], &files(), 20, Colour::On);
        assert!(coloured.contains("\u{1b}["));
        let mut bare = String::new();
        let mut in_sequence = false;
        for character in coloured.chars() {
            match character {
                '\u{1b}' => in_sequence = true,
                'm' if in_sequence => in_sequence = false,
                _ if in_sequence => {}
                it => bare.push(it),
            }
        }
        assert!(bare.contains("5 |     owner: team/paymets\n"), "{bare}");
    }

    #[test]
    fn any_place_in_any_text_can_be_drawn() {
        tried(2_000, 32..=4_096, |input| {
            let source: String = input.arbitrary()?;
            let (start, end): (u16, u16) = (input.arbitrary()?, input.arbitrary()?);
            let files = [SourceFile { path: "a.yaml".to_owned(), text: source.as_str().into() }];
            let place = Place {
                file: "a.yaml".to_owned(),
                line: input.int_in_range(0..=3)?,
                column: input.int_in_range(0..=3)?,
                start_byte: u32::from(start) % (source.len() as u32 + 2),
                end_byte: u32::from(end) % (source.len() as u32 + 2),
                ..Place::default()
            };
            let found = Diagnostic {
                place: Some(place),
                label: input.arbitrary()?,
                help: input.arbitrary()?,
                replace_with: input.arbitrary()?,
                ..Diagnostic::error("E0301", input.arbitrary::<String>()?)
            };
            let drawn = text(std::slice::from_ref(&found), &files, 20);
            assert!(drawn.chars().all(|it| it == '\n' || !crate::model::name::is_invisible(it)), "{drawn:?}");
            assert_eq!(github(&[found]).lines().count(), 1);
            Ok(())
        });
    }

    #[test]
    fn machines_read_the_same() {
        assert_eq!(
            to_json(&[example()]),
            json!({"format": "bylaws.diagnostics", "formatVersion": "1.0", "diagnostics": [{
                "code": "E0203", "severity": "error",
                "message": "service `checkout` is owned by a team that is not defined: `paymets`",
                "file": "org/services.yaml",
                "start": {"line": 5, "column": 17, "byte": 86}, "end": {"line": 5, "column": 24, "byte": 93},
                "label": "no team `paymets` in the manifest",
                "help": "a team with a similar name exists",
                "suggestion": {"replaceWith": "payments", "applicability": "maybe-incorrect"},
                "related": [
                    {"message": "`payments` is defined", "file": "org/org.yaml", "line": 2, "column": 3},
                    {"message": "for a team managed elsewhere, list it under `external: {teams: [paymets]}`"},
                ],
            }]})
        );
    }

    #[test]
    fn github_shows_the_line() {
        assert_eq!(
            github(&[example()]),
            "::error file=org/services.yaml,line=5,col=17,endColumn=24,title=E0203::service `checkout` is owned by a team \
             that is not defined: `paymets`; a team with a similar name exists: `payments`\n"
        );
    }

    #[test]
    fn github_is_given_what_it_shows_and_escaped() {
        let found = Diagnostic::error("E0301", "100%, a: b");
        let all: Vec<_> =
            std::iter::repeat_n(found, 12).chain([Diagnostic::new(Severity::Warning, "x:y", "w")]).collect();
        let commands = github(&all);
        assert_eq!(commands.matches("::error title=E0301::100%25, a: b\n").count(), 10);
        assert!(commands.contains("::warning title=x%3Ay::w\n"));
        assert!(commands.ends_with("2 errors more, not shown here\n"), "{commands}");
    }
}
