//! The pages of E02: names, and what refers to them.

use crate::manifest::codes::Code;

/// Code, title, page.
pub(super) const PAGES: &[Code] = &[
    (
        "E0201",
        "a name that cannot be used",
        r#"Names become parts of the addresses that are asked for. `.` and `..` would lead to another address,
`/` and `\` would split it, and characters that nobody can see make two names look like one. A name
also cannot be empty, begin or end with white space, or be longer than 255 characters; stacks and
environments are `project/name`.
"#,
    ),
    (
        "E0202",
        "a name twice",
        r#"Two files, or two places, declare the same resource. Both places are shown; a resource has one
entry. Logins are the same whatever their case: `alice` and `Alice` are one person.
"#,
    ),
    (
        "E0203",
        "a name that is not defined",
        r#"Something is named here (a member of a team, an owner, a role, the team of a token) that is neither
in the manifest nor under `external`. Without the organization at hand nobody can tell whether it
exists there, so `validate` only warns; `plan` knows, and refuses.

Correct the name, declare what it names, or say that it is managed elsewhere:

```yaml
external:
  teams: [security]
```
"#,
    ),
    (
        "E0204",
        "no organization",
        r#"Exactly one file says which organization the manifest is about: `organization: acme`, the name in
addresses on Pulumi Cloud. It is never guessed, neither from the token nor from the only
organization somebody has.
"#,
    ),
    (
        "E0205",
        "the organization twice",
        r#"More than one file sets `organization`, be it to the same name. Keep it in one: all files together
describe one organization.
"#,
    ),
    (
        "E0206",
        "settings that contradict each other",
        r#"Two files set the same switch or number differently. Files have no order of precedence; set it in
one of them.
"#,
    ),
    (
        "E0207",
        "declared and removed",
        r#"The same resource is declared in its section and listed under `removed`. A tombstone says that it
shall not exist; take it out of one of the two.
"#,
    ),
    (
        "E0208",
        "declared and external",
        r#"The same resource is declared in its section and listed under `external`. What is external is
managed elsewhere and never touched; take it out of one of the two.
"#,
    ),
    (
        "E0209",
        "removed and external",
        r#"The same resource is listed under `removed` and under `external`: it shall go, and it is never
touched. Take it out of one of the two.
"#,
    ),
    (
        "E0210",
        "renamed from something that is still there",
        r#"`renamedFrom` says what a resource was called before. Here that name is still declared, as a
resource of its own, or it is the resource's own name. Remove the old entry. If two resources swap
their names, each of them has a `renamedFrom`; chains work as well.
"#,
    ),
    (
        "E0211",
        "two heirs of one name",
        r#"Two entries say that they were called the same before. Only one of them can be the renamed one; the
other is new.
"#,
    ),
    (
        "E0212",
        "a reference to something that goes",
        r#"Something is named here that the same manifest lists under `removed`: a member of a team, say, who
is to leave. Take the reference out, or the tombstone.
"#,
    ),
    (
        "E0213",
        "a reference by an old name",
        r#"What is named here gets another name by the same manifest (`renamedFrom`). Write the new one.
"#,
    ),
    (
        "E0214",
        "renamed and removed",
        r#"The old name of a renamed resource is also listed under `removed`. A rename leaves nothing to delete
under the old name: take the tombstone out.
"#,
    ),
];
