//! What may still be done where a level refused a change, was held by another write, or takes it in too many parts.

use std::cmp::Reverse;

use futures::stream::{self, StreamExt, TryStreamExt};
use stockline_domain::level::Level;
use stockline_domain::order::LevelChange;

use super::write::Write;
use super::{LevelChanges, MAX_ITEMS, RefusedLevel};
use crate::dynamodb::attributes::value;
use crate::dynamodb::split_levels::Read;
use crate::dynamodb::transaction::Part;
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// How many levels are read or gathered at once.
const AT_ONCE: usize = 16;

/// The levels that cannot take their change, by their place.
pub struct Refusal {
    /// Which, and why: at least one.
    pub levels: Vec<(usize, RefusedLevel)>,
    /// Whether the refused transaction itself showed one of them. What was read after it may be the work of this very
    /// request, sent twice: then a guard fails by now.
    pub is_certain: bool,
}

/// What a look at a level comes to.
enum Outlook {
    Takes(Write),
    Refuses {
        why: RefusedLevel,
        is_shown: bool,
    },
    /// It was not seen as it is in one moment, and what was seen cannot take the change.
    Unclear,
}

impl LevelChanges {
    /// Reads the levels that refused, and plans anew what they can take; answers those that cannot.
    pub(super) async fn think_again(
        &self,
        changes: &[LevelChange],
        writes: &mut [Write],
        met: Vec<Part>,
        deadline: Deadline,
    ) -> Result<Option<Refusal>, StoreError> {
        let mut met = met.into_iter();
        let mut looks = Vec::new();
        for (place, (change, write)) in changes.iter().zip(&*writes).enumerate() {
            let of_this: Vec<Part> = met.by_ref().take(write.len()).collect();
            if of_this.iter().any(Part::is_failed) {
                let is_in_first = write.begins_in_first();
                looks.push(async move {
                    let outlook = self.look(change, of_this, is_in_first, deadline).await?;
                    Ok::<_, StoreError>((place, outlook))
                });
            }
        }
        let outlooks = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        Ok(settle(outlooks, writes))
    }

    /// What a level that refused can still take; `met` is what each part met, and `is_in_first` where the first of them was.
    async fn look(
        &self,
        change: &LevelChange,
        met: Vec<Part>,
        is_in_first: bool,
        deadline: Deadline,
    ) -> Result<Outlook, StoreError> {
        if is_in_first && matches!(met[..], [Part::Failed(None)]) {
            return Ok(missing(change, true));
        }
        let shown = met.into_iter().find_map(|met| match met {
            Part::Failed(Some(item)) => Some(value::<Level>(item)),
            _ => None,
        });
        let shown = shown.transpose()?.filter(|level| level.bucket == 0);
        // One that is not split was shown as it was when it refused: nothing is left to read.
        let is_shown = shown.as_ref().is_some_and(|level| level.split_over <= 1);
        let read = match shown {
            Some(first) => Some(self.levels.read_on(first, deadline).await?),
            None => self.levels.read(&change.key, deadline).await?,
        };
        Ok(outlook(change, read, is_shown))
    }

    /// Gathers levels until what is written fits one transaction beside `guards` items; answers those that cannot take
    /// their change any more. It may have to be called again.
    pub(super) async fn make_room(
        &self,
        guards: usize,
        changes: &[LevelChange],
        writes: &mut [Write],
        deadline: Deadline,
    ) -> Result<Option<Refusal>, StoreError> {
        let mut items = guards + writes.iter().map(Write::len).sum::<usize>();
        let mut wide: Vec<(usize, &LevelChange, &Write)> = changes
            .iter()
            .zip(&*writes)
            .enumerate()
            .map(|(place, (change, write))| (place, change, write))
            .filter(|(_, _, write)| write.gathering().is_some())
            .collect();
        if wide.is_empty() {
            return Err(StoreError::failed("change levels together")(format!(
                "they are {items} items, one of each"
            )));
        }
        wide.sort_by_key(|(_, _, write)| Reverse(write.len()));
        let mut gatherings = Vec::new();
        for (place, change, write) in wide {
            if items <= MAX_ITEMS {
                break;
            }
            items -= write.len() - 1;
            gatherings.push(async move {
                let outlook = self.gather(change, write, deadline).await?;
                Ok::<_, StoreError>((place, outlook))
            });
        }
        let outlooks = stream::iter(gatherings)
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(settle(outlooks, writes))
    }

    /// Gathers one level; where others took of it meanwhile, looks at it again.
    async fn gather(
        &self,
        change: &LevelChange,
        write: &Write,
        deadline: Deadline,
    ) -> Result<Outlook, StoreError> {
        if let Some(gathering) = write.gathering()
            && self.rebalance.gather(&change.key, gathering).await?
        {
            return Ok(Outlook::Takes(Write::gathered(gathering)));
        }
        let read = self.levels.read(&change.key, deadline).await?;
        Ok(outlook(change, read, false))
    }

    /// Where another write held a level, learns whether it is split, and tries another of its buckets.
    pub(super) async fn step_aside(
        &self,
        changes: &[LevelChange],
        writes: &mut [Write],
        held: &[bool],
    ) -> Result<bool, StoreError> {
        let mut held = held.iter();
        let mut moved = false;
        for (change, write) in changes.iter().zip(writes) {
            let is_held = held.by_ref().take(write.len()).any(|held| *held);
            if !is_held || !write.may_step_aside() {
                continue;
            }
            if self.levels.in_use(&change.key).is_none() {
                self.levels.learn(&change.key).await?;
            }
            if matches!(self.levels.in_use(&change.key), Some(2..)) {
                *write = self.first(change);
                moved = true;
            }
        }
        Ok(moved)
    }
}

/// What `change` comes to at the level that was read; `is_shown` where the refused transaction showed it.
fn outlook(change: &LevelChange, read: Option<Read>, is_shown: bool) -> Outlook {
    let Some(Read {
        level,
        in_one_moment,
    }) = read
    else {
        return missing(change, is_shown);
    };
    match level.plan(&change.change) {
        Ok(plan) => Outlook::Takes(Write::planned(plan, &level, change)),
        Err(_) if !in_one_moment => Outlook::Unclear,
        Err(_) => Outlook::Refuses {
            why: RefusedLevel::Cannot(Box::new(level.total())),
            is_shown,
        },
    }
}

/// What `change` comes to where there is no level: what comes in may be the first of it there.
fn missing(change: &LevelChange, is_shown: bool) -> Outlook {
    match Write::making_the_level(change) {
        Ok(write) => Outlook::Takes(write),
        Err(_) => Outlook::Refuses {
            why: RefusedLevel::Missing,
            is_shown,
        },
    }
}

/// Takes over what is to be written now; answers what refuses.
fn settle(outlooks: Vec<(usize, Outlook)>, writes: &mut [Write]) -> Option<Refusal> {
    let (mut levels, mut is_certain) = (Vec::new(), false);
    for (place, outlook) in outlooks {
        match outlook {
            Outlook::Takes(write) => writes[place] = write,
            Outlook::Unclear => {}
            Outlook::Refuses { why, is_shown } => {
                levels.push((place, why));
                is_certain |= is_shown;
            }
        }
    }
    levels.sort_by_key(|(place, _)| *place);
    (!levels.is_empty()).then_some(Refusal { levels, is_certain })
}
