//! The pages of E01: what is no readable YAML.

use crate::manifest::codes::Code;

/// Code, title, page.
pub(super) const PAGES: &[Code] = &[
    (
        "E0101",
        "not valid YAML",
        r#"The file breaks the rules of YAML, at or shortly before the marked place. The usual causes: a line
that is indented by a space too many or too few, a text that holds `: ` or ` #` or begins with one
of `@ ` % & * ! | > [ {` and stands without quotes, a bracket or a quote that is never closed.

```yaml
note: "see #12: rotated"     # with quotes
```

Nothing else in the file is checked until it can be read; other files are.
"#,
    ),
    (
        "E0102",
        "an empty file",
        r#"The file holds nothing, or only comments. An empty manifest would say that nothing is managed, and
with `prune` that everything goes; so a file that lost its content is an error. Remove the file, or
write at least one section.
"#,
    ),
    (
        "E0103",
        "not UTF-8",
        r#"Manifests are UTF-8. The message says at which byte the file stops being that. Editors that write
UTF-16 or a Windows code page have a setting for it; on a command line: `iconv -f WINDOWS-1252 -t
UTF-8`.
"#,
    ),
    (
        "E0104",
        "a control character",
        r#"The file holds a character that YAML does not allow as it is: a NUL, an escape, a carriage return
without a line feed, or a byte-order mark in the middle. They come from a broken copy, or from
somebody who wants a terminal or a reviewer to see something else. Remove the character. Inside a
text in double quotes it can be written as an escape (`"\u0007"`); names cannot hold it at all.
"#,
    ),
    (
        "E0105",
        "a conflict marker",
        r#"The file holds lines that Git writes where two branches changed the same lines: `<<<<<<<`,
`=======`, `>>>>>>>`. Decide what shall stand there and remove the marker lines.
"#,
    ),
    (
        "E0106",
        "more than one document",
        r#"A `---` in the middle of a file begins a second document. Editors check only the first one, so a
file holds one. Put the rest into a file of its own: all files together are one manifest.
"#,
    ),
    (
        "E0107",
        "a tab for indentation",
        r#"YAML does not allow tabs for indentation. Set your editor to indent YAML with spaces.
"#,
    ),
    (
        "E0108",
        "a key twice",
        r#"The same key stands twice in one mapping. Many readers of YAML keep the last one without a word: one
person's access would vanish. Both places are shown; keep one of them, or merge them.
"#,
    ),
    (
        "E0109",
        "a tag",
        r#"YAML tags (`!!str`, `!include`, `!!binary`) are not allowed. Most of them can be left out; a text
that could be read as a number or a boolean is written in quotes. There are no includes: every file
is a part of the manifest.
"#,
    ),
    (
        "E0110",
        "an alias that leads nowhere",
        r#"An alias (`*name`) repeats what stands at an anchor (`&name`) above it in the same file. Here there
is no such anchor, or the alias stands inside it. Anchors are best kept under a key that begins with
`x-`:

```yaml
x-oncall: &oncall [alice, bob]
teams:
  platform: {members: *oncall}
```
"#,
    ),
    (
        "E0111",
        "a merge of something else than mappings",
        r#"`<<` takes over the keys of a mapping, or of each mapping in a list; keys that are written out win,
earlier mappings win over later ones.

```yaml
x-defaults: &defaults {lifetime: 90d, renewBefore: 14d}
tokens:
  ci: {<<: *defaults, scope: organization}
```
"#,
    ),
    (
        "E0112",
        "a key that is no text",
        r#"Every key is a text. A missing key, a `null`, a list or a mapping cannot be one. Put a name that is
spelled like one of these in quotes.
"#,
    ),
    (
        "E0113",
        "more than fits",
        r#"The limits: 64 MiB a file, 32 levels of nesting, 10,000 aliases a file, and 2,000,000 values in all,
where what an alias repeats counts as often as it is repeated. Honest manifests stay far below; the
limits stop files that are small on disk and enormous in memory.
"#,
    ),
    (
        "E0114",
        "a text that others read differently",
        r#"A warning. Without quotes this is a text in YAML 1.2, which bylaws reads, but a boolean or a number
in YAML 1.1, which many other tools read: `no`, `on`, `1:30`. Quotes make it the same for all.
"#,
    ),
    (
        "E0115",
        "text in another order than it is read",
        r#"A warning. The file holds a character that reverses the order in which text is shown. It has uses in
Arabic and Hebrew, but it can also make a line look to a reviewer like another one.
"#,
    ),
    (
        "E0116",
        "no files",
        r#"No file was found to read. An empty manifest is never concluded from that. The default is
`bylaws.yaml`, or every `*.yaml` and `*.yml` under `bylaws/`; otherwise name files or directories on
the command line.
"#,
    ),
    (
        "E0117",
        "another version of YAML",
        r#"The file begins with a `%YAML` line for another version. In YAML 1.1 other texts are booleans and
numbers than in 1.2. Manifests are YAML 1.2; remove the line.
"#,
    ),
];
