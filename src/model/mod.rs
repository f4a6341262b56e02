//! The words everyone speaks, as plain data: ids, specs, live objects, calls, actions, plans, diagnostics.
//!
//! In reading order: what a resource is called ([`id`]), what somebody wrote ([`node`], [`desired`]),
//! what the service says ([`live`]), what a kind reads ([`read`]), sends ([`call`]) and reads again
//! ([`guard`], [`check`]), what is to be done ([`change`], [`plan`]), what that is put down to
//! ([`cause`]), who may do what by it ([`access`], [`impact`]), what is wrong with it ([`diagnostic`]), and
//! the values that must never be printed ([`secret`]).

pub mod access;
pub mod call;
pub mod cause;
pub mod change;
pub mod check;
pub mod desired;
pub mod diagnostic;
pub mod duration;
pub mod field;
pub mod guard;
pub mod id;
pub mod impact;
pub mod instant;
pub mod live;
pub mod name;
pub mod node;
pub mod plan;
pub mod read;
pub mod report;
pub mod secret;

pub use call::{Call, Capture, Common, Hole, Into, Method, Segment};
pub use cause::{Attribution, AuditEvent, Left, Removal};
pub use change::{Action, Change, Origin, Phase, Verb};
pub use check::{Check, Expected};
pub use desired::{Base, Desired, Entry, Reference, Safety};
pub use diagnostic::{Diagnostic, Place, Problem, Severity};
pub use duration::Duration;
pub use field::{FieldChange, FieldRule};
pub use guard::{Condition, Guard};
pub use id::ResourceId;
pub use impact::Impact;
pub use instant::Instant;
pub use live::{Caller, KindState, LiveObject, Organization, Snapshot};
pub use node::{Data, Key, Node, Span};
pub use plan::{Plan, Status, Summary};
pub use read::{Covers, Paging, Read, Scope};
pub use report::{Outcome, Report, StepReport, Unsettled, Verification};
pub use secret::Secret;
