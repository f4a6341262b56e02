//! Reads again what a step was about, where the answers alone do not tell whether it is so.

use serde_json::Value;

use crate::api::{ApiError, ReadClient};
use crate::apply::READINGS;
use crate::apply::send::{Failure, Sender, Sign};
use crate::model::{Call, Check, Expected, Read, ResourceId};

impl Sender<'_> {
    /// Reads what a step has to show. Where something is not so, it is asked for in the other ways there are;
    /// after that, what was just written is given a moment to be seen.
    pub(super) async fn check(&self, id: &ResourceId, check: &Check) -> Result<(), Failure> {
        let mut read = Read::whole("check", &check.path).paged();
        read.query.clone_from(&check.query);
        let reads = self.client.reads();
        let mut retries: Vec<_> = check.shows.iter().map(|it| it.retries.iter()).collect();
        let mut readings = 0;
        loop {
            let wrong = match wrong(&reads, &read, check).await {
                Ok(wrong) => wrong,
                Err(error) => return Err(unread(&error)),
            };
            if wrong.is_empty() {
                return Ok(());
            }
            let calls: Vec<&Call> = wrong.iter().filter_map(|it| retries.get_mut(*it)?.next()).collect();
            if *self.stop.borrow() || (calls.is_empty() && readings + 1 >= READINGS) {
                return Err(differs(wrong.iter().filter_map(|it| check.shows.get(*it))));
            }
            if calls.is_empty() {
                readings += 1;
                tokio::time::sleep(self.pause).await;
            }
            for call in calls {
                // Whether it helped is read, not believed; what it was answered does not matter any more.
                drop(Box::pin(self.call(id, call)).await);
            }
        }
    }
}

/// Which of the expectations the service does not fulfil.
async fn wrong(reads: &ReadClient, read: &Read, check: &Check) -> Result<Vec<usize>, ApiError> {
    let mut found = vec![false; check.shows.len()];
    let pages = reads.pages(read, |page| {
        let page: Value = serde_json::from_slice(page).map_err(|error| error.to_string())?;
        for (expected, found) in check.shows.iter().zip(&mut found) {
            // A list that is not told is unknown, never empty.
            let list = page.pointer(&expected.list).and_then(Value::as_array);
            let list = list.ok_or_else(|| format!("there is no list at `{}`", expected.list))?;
            *found |= list.iter().any(|it| expected.is(it));
        }
        Ok(())
    });
    pages.await?;
    let wrong = check.shows.iter().zip(found).enumerate().filter(|(_, (expected, found))| expected.there != *found);
    Ok(wrong.map(|it| it.0).collect())
}

fn unread(error: &ApiError) -> Failure {
    let message = format!("everything was accepted, but whether it is so could not be read: {error}");
    Failure { message, uncertain: true, sign: Sign::Answering, status: None }
}

fn differs<'a>(wrong: impl Iterator<Item = &'a Expected>) -> Failure {
    let (missing, left): (Vec<_>, Vec<_>) = wrong.partition(|it| it.there);
    let names = |list: &[&Expected]| list.iter().map(|it| it.what.as_str()).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("was not taken: {}", names(&missing)));
    }
    if !left.is_empty() {
        parts.push(format!("is still there: {}", names(&left)));
    }
    let message = format!("the service accepted every request, but read again, {}", parts.join("; "));
    Failure { message, uncertain: false, sign: Sign::Answering, status: None }
}
