//! The pages of E03: what does not have the shape of a manifest.

use crate::manifest::codes::Code;

/// Code, title, page.
pub(super) const PAGES: &[Code] = &[
    (
        "E0301",
        "an unknown key",
        r#"No field or section of this name exists here. The message names the nearest right one, or the
section where the field belongs. Top-level keys that begin with `x-` are free, for anchors. `bylaws
schema` writes the schema that lets editors complete and check every key.
"#,
    ),
    (
        "E0302",
        "a value of another type",
        r#"A list, a mapping, a text or a number stands where something else is due. Names are keys of a
mapping, with a colon and without a dash:

```yaml
teams:
  platform: {}
```
"#,
    ),
    (
        "E0303",
        "none of the choices",
        r#"The field takes one of a few words; the message lists them.
"#,
    ),
    (
        "E0304",
        "a field is missing",
        r#"The entry lacks a field without which it means nothing.
"#,
    ),
    (
        "E0305",
        "null",
        r#"Nothing stands after the colon, or `null` or `~`. In a manifest three things differ: what is left
out is not managed, what is empty is made empty, and null is a mistake, most often a line that lost
the ones below it. Write `[]`, `{}` or `""` for empty, or leave the key out.
"#,
    ),
    (
        "E0306",
        "a text for a boolean",
        r#"Only `true` and `false`, without quotes, are booleans. `yes`, `on` and `"true"` are texts: which of
them mean what differs from reader to reader, so none is guessed.
"#,
    ),
    (
        "E0307",
        "a number for a text",
        r#"The field takes a text, and what is written reads as a number: `1.10` would become `1.1`, `0123`
would become `123`. Put it in quotes.
"#,
    ),
    (
        "E0308",
        "a text of another form",
        r#"The text is empty, too long, or not of the form that the field needs; the help says which form that
is. Durations: `90d`, `12h`, `15m`, `1h30m`. Dates: `2027-05-01` or `2027-05-01T12:00:00Z`. Stacks
and environments: `project/name`.
"#,
    ),
    (
        "E0309",
        "an item twice",
        r#"The list is a set: an item that stands in it twice is a mistake, often of a merge.
"#,
    ),
    (
        "E0310",
        "too little in it",
        r#"The list or mapping must hold something: empty, it says nothing that could be done.
"#,
    ),
    (
        "E0311",
        "a number out of range",
        r#"The number is smaller or larger than the field allows; the message says what is allowed.
"#,
    ),
    (
        "E0312",
        "no usable number",
        r#"`.inf`, `.nan`, and numbers beyond all bounds are values in YAML that nothing here can use. If it is
meant as a text, put it in quotes.
"#,
    ),
];
