//! Which step is started next: by what it waits for, by its phase, by the longest way that is left after it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::apply::sinks;
use crate::model::{Action, Method, Outcome, Phase, Plan, ResourceId, StepReport};

/// The steps of a plan, what became of them, and which can be started.
pub(super) struct Schedule<'a> {
    steps: Vec<Step<'a>>,
    ready: BinaryHeap<Rank>,
    /// Steps that make secrets, ready but for each other.
    issues: BinaryHeap<Rank>,
    issuing: bool,
    /// Steps that replace or delete, ready but for the stages before theirs.
    held: BTreeMap<Phase, Vec<usize>>,
    /// How many steps of each stage have not ended.
    open: BTreeMap<Phase, usize>,
    failed: bool,
}

/// The longest way left, then the plan's order.
type Rank = (usize, Reverse<usize>);

struct Step<'a> {
    id: &'a ResourceId,
    action: &'a Action,
    /// Steps that wait for this one. They stand behind it.
    dependents: Vec<usize>,
    /// How many steps it still waits for.
    waiting: usize,
    /// The calls from the start of this step to the end of the longest chain behind it.
    way: usize,
    /// Its phase, or the latest one of all it waits for: what rebuilds a replaced object comes after
    /// the replacement, so the replacement must not wait for it.
    stage: Phase,
    /// It makes or delivers a secret.
    issues: bool,
    /// It takes nothing away, and follows on something that does: held back, it would leave a gap
    /// where something was.
    completes: bool,
    started: bool,
    outcome: Option<Outcome>,
}

impl<'a> Schedule<'a> {
    /// The schedule of a plan, with every step that waits for nothing ready.
    ///
    /// # Errors
    /// When the plan's order is no order. Then none of it can be carried out.
    pub(super) fn of(plan: &'a Plan) -> Result<Self, String> {
        let mut schedule = Self {
            steps: in_order(plan)?,
            ready: BinaryHeap::new(),
            issues: BinaryHeap::new(),
            issuing: false,
            held: BTreeMap::new(),
            open: BTreeMap::new(),
            failed: false,
        };
        schedule.measure();
        for step in &schedule.steps {
            *schedule.open.entry(step.stage).or_default() += 1;
        }
        for index in 0..schedule.steps.len() {
            if schedule.steps[index].waiting == 0 {
                schedule.admit(index);
            }
        }
        schedule.release();
        Ok(schedule)
    }

    /// How much of the longest chain hangs on each step. Secrets are made one at a time, so that each
    /// of them counts as waited for by the next.
    fn measure(&mut self) {
        let mut next_issue = 0;
        for index in (0..self.steps.len()).rev() {
            let step = &self.steps[index];
            let behind = step.dependents.iter().map(|it| self.steps[*it].way).max().unwrap_or(0);
            let issues = step.issues;
            let way = step.action.calls.len() + if issues { behind.max(next_issue) } else { behind };
            if issues {
                next_issue = way;
            }
            self.steps[index].way = way;
        }
    }

    /// The next step to start, if one can be started now.
    pub(super) fn take(&mut self) -> Option<usize> {
        loop {
            let issue = if self.issuing { None } else { self.issues.peek() };
            let (_, Reverse(index)) = if issue > self.ready.peek() { self.issues.pop() } else { self.ready.pop() }?;
            let step = &mut self.steps[index];
            // It may have been given up while it was ready.
            if step.outcome.is_none() {
                step.started = true;
                self.issuing |= step.issues;
                return Some(index);
            }
        }
    }

    /// The resource and the calls of a step.
    pub(super) fn step(&self, index: usize) -> (&'a ResourceId, &'a Action) {
        (self.steps[index].id, self.steps[index].action)
    }

    /// What became of a step that has ended.
    pub(super) fn outcome(&self, index: usize) -> Option<&Outcome> {
        self.steps[index].outcome.as_ref()
    }

    /// Notes how a started step ended. Tells which others cannot be tried any more.
    pub(super) fn end(&mut self, index: usize, outcome: Outcome) -> Vec<usize> {
        if self.steps[index].issues {
            self.issuing = false;
        }
        let (done, failed) = match outcome {
            Outcome::Done { .. } => (true, false),
            Outcome::Failed { .. } => (false, true),
            Outcome::Skipped { .. } => (false, false),
        };
        self.settle(index, outcome);
        let mut skipped = Vec::new();
        if done {
            for dependent in self.steps[index].dependents.clone() {
                self.steps[dependent].waiting -= 1;
                if self.steps[dependent].waiting == 0 && self.steps[dependent].outcome.is_none() {
                    self.admit(dependent);
                }
            }
        } else {
            self.skip_dependents(index, &mut skipped);
        }
        if failed && !std::mem::replace(&mut self.failed, true) {
            self.give_up_deletions(index, &mut skipped);
        }
        self.release();
        skipped
    }

    /// Gives up everything that was not started.
    pub(super) fn give_up(&mut self, because: &str) -> Vec<usize> {
        let left: Vec<usize> = (0..self.steps.len()).filter(|it| self.is_untouched(*it)).collect();
        for index in &left {
            self.settle(*index, Outcome::Skipped { because: because.to_owned() });
        }
        left
    }

    /// Every step in the plan's order.
    pub(super) fn into_reports(self) -> Vec<StepReport> {
        let never = || Outcome::Skipped { because: "it was not reached".to_owned() };
        let reports = self.steps.into_iter().map(|it| report(it.id, it.action, it.outcome.unwrap_or_else(never)));
        reports.collect()
    }

    fn is_untouched(&self, index: usize) -> bool {
        !self.steps[index].started && self.steps[index].outcome.is_none()
    }

    fn settle(&mut self, index: usize, outcome: Outcome) {
        let step = &mut self.steps[index];
        step.outcome = Some(outcome);
        if let Some(open) = self.open.get_mut(&step.stage) {
            *open -= 1;
        }
    }

    /// Everything it waited for is done.
    fn admit(&mut self, index: usize) {
        let step = &self.steps[index];
        if takes_away(step.action.phase) {
            self.held.entry(step.stage).or_default().push(index);
        } else {
            self.make_ready(index);
        }
    }

    fn make_ready(&mut self, index: usize) {
        let step = &self.steps[index];
        let heap = if step.issues { &mut self.issues } else { &mut self.ready };
        heap.push((step.way, Reverse(index)));
    }

    /// Makes ready what replaces or deletes, once no step of an earlier stage is open.
    fn release(&mut self) {
        let mut free = Vec::new();
        for (stage, held) in &mut self.held {
            if self.open.range(..stage).all(|(_, open)| *open == 0) {
                free.append(held);
            }
        }
        free.into_iter().for_each(|it| self.make_ready(it));
    }

    fn skip_dependents(&mut self, index: usize, skipped: &mut Vec<usize>) {
        let mut sources = vec![index];
        while let Some(source) = sources.pop() {
            let became = match self.steps[source].outcome {
                Some(Outcome::Failed { .. }) => "which failed",
                Some(Outcome::Skipped { .. } | Outcome::Done { .. }) | None => "which was skipped",
            };
            let because = format!("waits for {}, {became}", self.name(source));
            for dependent in self.steps[source].dependents.clone() {
                if self.is_untouched(dependent) {
                    self.settle(dependent, Outcome::Skipped { because: because.clone() });
                    skipped.push(dependent);
                    sources.push(dependent);
                }
            }
        }
    }

    /// After a failure nothing more is taken away, except to complete what was begun.
    fn give_up_deletions(&mut self, failed: usize, skipped: &mut Vec<usize>) {
        let because = format!("nothing is deleted after a failure: {} failed", self.name(failed));
        for index in 0..self.steps.len() {
            let step = &self.steps[index];
            if takes_away(step.action.phase) && !step.completes && self.is_untouched(index) {
                self.settle(index, Outcome::Skipped { because: because.clone() });
                skipped.push(index);
                self.skip_dependents(index, skipped);
            }
        }
    }

    fn name(&self, index: usize) -> String {
        format!("step {} (`{}`)", self.steps[index].action.step, self.steps[index].id)
    }
}

/// Every step as skipped for one reason, in the plan's order.
pub(super) fn nothing_of(plan: &Plan, because: &str) -> Vec<StepReport> {
    let skipped = || Outcome::Skipped { because: because.to_owned() };
    let mut reports: Vec<StepReport> =
        plan.all_changes().flat_map(|change| change.steps.iter().map(|it| report(&change.id, it, skipped()))).collect();
    reports.sort_by_key(|it| it.step);
    reports
}

/// Whether steps of this phase wait until all before them has gone well.
fn takes_away(phase: Phase) -> bool {
    match phase {
        Phase::Rename | Phase::Grow | Phase::Issue | Phase::Shrink => false,
        Phase::Replace | Phase::Delete => true,
    }
}

fn report(id: &ResourceId, action: &Action, outcome: Outcome) -> StepReport {
    StepReport { step: action.step, id: id.clone(), what: action.what.clone(), outcome }
}

/// The steps by number, linked. Every step waits only for steps before it, so the order has no cycles.
fn in_order(plan: &Plan) -> Result<Vec<Step<'_>>, String> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for change in plan.all_changes() {
        steps.extend(change.steps.iter().map(|action| Step {
            id: &change.id,
            action,
            dependents: Vec::new(),
            waiting: 0,
            way: 0,
            stage: action.phase,
            issues: action.phase == Phase::Issue || action.calls.iter().any(|it| !sinks::of_call(it).is_empty()),
            completes: false,
            started: false,
            outcome: None,
        }));
    }
    steps.sort_by_key(|it| it.action.step);
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    for index in 0..steps.len() {
        let action = steps[index].action;
        let deletes = action.calls.iter().any(|it| it.method == Method::Delete);
        for number in &action.after {
            let Some(before) = places.get(number).copied() else {
                return Err(format!("the plan has no order: step {} waits for step {number}", action.step));
            };
            steps[before].dependents.push(index);
            steps[index].waiting += 1;
            steps[index].stage = steps[index].stage.max(steps[before].stage);
            steps[index].completes |= takes_away(steps[before].action.phase) && !deletes;
        }
        if places.insert(action.step, index).is_some() {
            return Err(format!("the plan has no order: two steps have the number {}", action.step));
        }
    }
    Ok(steps)
}
