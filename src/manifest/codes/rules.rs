//! The pages of E04: what has the shape and makes no sense.

use crate::manifest::codes::Code;

/// Code, title, page.
pub(super) const PAGES: &[Code] = &[
    (
        "E0401",
        "what looks like a secret",
        r#"The file holds something that looks like an access token of Pulumi Cloud (`pul-` and 16 or more
letters or digits). It is not shown in any output. Whoever can read the repository, its history
included, has it: revoke the token first, then take it out. Manifests never hold secrets; `saveTo`
says where a new one goes.
"#,
    ),
    (
        "E0402",
        "managed elsewhere",
        r#"The people and the name of a team of kind `github` or `scim` come from GitHub or from the identity
provider. Changing them here would be undone there. Leave the field out. What the team may do
(`stacks`, `environments`, `role`) is yours to say.
"#,
    ),
    (
        "E0403",
        "an admin who is no member",
        r#"`admins` says who, of the team's members, administers the team. Where both lists are given, every
admin stands in both.
"#,
    ),
    (
        "E0404",
        "the number of a GitHub team",
        r#"`githubTeamId` says which team on GitHub a new team of kind `github` mirrors. It is needed to create
one, and belongs to no other kind of team.
"#,
    ),
    (
        "E0405",
        "a login twice",
        r#"Logins are the same whatever their case; this one stands in the list twice.
"#,
    ),
    (
        "E0406",
        "two ways of saying what a role may do",
        r#"A role has `permissions` (on the whole organization), `grants` (on some stacks or environments) or
`details` (the service's own tree): one of them, because they are written to the same place.
"#,
    ),
    (
        "E0407",
        "a grant on nothing, or on two things",
        r#"Each grant is for some `stacks` or for some `environments`; permissions differ between them. For
both, write two grants. For the whole organization, use `permissions` of the role.
"#,
    ),
    (
        "E0408",
        "the name of a built-in role",
        r#"`admin`, `member` and `billing-manager` exist in every organization, and `none` says that there is
no role. A custom role of that name, in whatever spelling, could not be told apart from it.
"#,
    ),
    (
        "E0409",
        "a built-in role in another spelling",
        r#"Built-in roles are written `admin`, `member` and `billing-manager`, not as the console shows them. A
token can only have `admin` of these; left out, it may do what a regular member may do. By default,
newcomers can only get `member` of these.
"#,
    ),
    (
        "E0410",
        "a property twice",
        r#"The keys of a service's properties are unique.
"#,
    ),
    (
        "E0411",
        "two ends of life",
        r#"A token has a `lifetime` (each new one lives so long) or `expires` (a fixed day), or neither, and
then it never expires.
"#,
    ),
    (
        "E0412",
        "a role for a team's token",
        r#"A token of a team may do what the team may do. Only tokens of the organization have a role.
"#,
    ),
    (
        "E0413",
        "a time that cannot be meant",
        r#"The day does not exist, lies decades away, the length of time is zero or more than the two years
that the service allows, or `renewBefore` is not below `lifetime`, so that every plan would renew
the token.
"#,
    ),
    (
        "E0414",
        "no place for a value",
        r#"`saveTo` says where the value of a new token goes: `file:PATH`, below the working directory and
without `..`; `command:NAME`, a command that the command line defines with `--sink`;
`environment:PROJECT/ENVIRONMENT#path`. A manifest can come from anybody who opens a pull request,
so it cannot write elsewhere or run anything.
"#,
    ),
    (
        "E0415",
        "two values for one place",
        r#"Two entries send their value to the same place: the second would overwrite the first. Give each its
own.
"#,
    ),
    (
        "E0416",
        "cannot be read",
        r#"The entry has the right shape, and its values still make no sense to the program: a length of time
beyond all bounds, say. Nothing is planned on a guess.
"#,
    ),
    (
        "E0417",
        "a name too long",
        r#"The service keeps names of tokens up to 40 characters, and bylaws adds the rotation and a nonce
(`ci-deploy.3-x7k2pq`), because a name, once used, can never be used again. That leaves 28.
"#,
    ),
    (
        "E0418",
        "the program's own token as a secret",
        r#"`secret: env:NAME` is looked up by whoever applies and sent to the service. The variables that hold
the program's own tokens are no secrets of anything else: keep the webhook's in one of its own.
"#,
    ),
    (
        "E0421",
        "a token that outlives the organization's limit",
        r#"`settings.maxTokenLifetime` says how long tokens of the organization live at most, and the service
refuses to make or to accept one that would live longer. Shorten the token's `lifetime`, or allow
more.
"#,
    ),
    (
        "E0431",
        "a policy that does not fit together",
        r#"A policy of an OIDC issuer speaks of one type of token, and names what belongs to that type:
`organization` may have a `role`; `team` needs the `team`, `personal` the `user`, `runner` the
`runner`, and none of them has a `role`.
"#,
    ),
    (
        "E0432",
        "a policy without rules",
        r#"A policy that allows and has no `rules` lets in everybody to whom the issuer gives a token. A public
issuer gives tokens to the whole world. Say which claims the token must carry:

```yaml
rules: {aud: "urn:pulumi:org:acme", sub: "repo:acme/shop:environment:prod"}
```
"#,
    ),
    (
        "E0433",
        "one thing under two names",
        r#"Two entries name the same thing, which the service knows by something else than its name: an OIDC
issuer is its `url`. Only one of the names could hold.
"#,
    ),
];
