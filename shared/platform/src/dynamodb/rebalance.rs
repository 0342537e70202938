//! Goods moved between the buckets of one level, in transactions of their own: whether they come about or not, the level
//! as a whole is the same.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use stockline_domain::level::LevelKey;
use stockline_domain::split_level::{Gathering, Plan};

use super::change_level::planned_items;
use super::split_levels::SplitLevels;
use super::transaction::{Tried, Written, fresh_token, try_once};
use stockline_application::deadline::Deadline;
use stockline_application::store_error::StoreError;

/// The longest that a caller whose change is committed waits for the evening out that comes after it.
const EVENING_OUT: Duration = Duration::from_millis(250);

/// What is left of the deadline at least, for the answer.
const FOR_THE_ANSWER: Duration = Duration::from_millis(250);

/// Moves goods between the buckets of levels.
#[derive(Debug, Clone)]
pub struct Rebalance {
    client: Client,
    levels: SplitLevels,
}

impl Rebalance {
    /// Of `levels`.
    pub fn new(client: Client, levels: SplitLevels) -> Self {
        Self { client, levels }
    }

    /// Evens out the levels that are `uneven`, as far as there is time: what is left is for the next time.
    ///
    /// What it comes after is committed and waits to be answered, so it has little time, all the levels together.
    pub async fn even_out_in_passing(
        &self,
        uneven: Vec<&LevelKey>,
        at: Timestamp,
        deadline: Deadline,
    ) {
        let time = EVENING_OUT.min(deadline.remaining().saturating_sub(FOR_THE_ANSWER));
        if time.is_zero() {
            return;
        }
        let budget = Deadline::within(time);
        let evening = async {
            for key in uneven {
                if let Err(error) = self.even_out(key, at, budget).await {
                    tracing::warn!(%error, "a level stays uneven for now");
                }
            }
        };
        if tokio::time::timeout(time, evening).await.is_err() {
            tracing::warn!("levels stay uneven for now: there was no time to even them out");
        }
    }

    /// Evens the buckets of a level out, if nobody changes them meanwhile; answers whether they are even.
    ///
    /// Where others write them so often that all of them are never free at once, the fullest gives to the emptiest.
    pub async fn even_out(
        &self,
        key: &LevelKey,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let Some(read) = self.levels.read(key, deadline).await? else {
            return Ok(true);
        };
        let Some(evening) = read.level.evening(at) else {
            return Ok(true);
        };
        if !self.move_goods(key, &evening).await?
            && let Some(step) = read.level.evening_step(at)
        {
            self.move_goods(key, &step).await?;
        }
        Ok(false)
    }

    /// Brings together in one bucket what a change concerns, if nobody changes it meanwhile; answers whether it is.
    pub async fn gather(&self, key: &LevelKey, gathering: &Gathering) -> Result<bool, StoreError> {
        match &gathering.first {
            Some(first) => self.move_goods(key, first).await,
            None => Ok(true),
        }
    }

    async fn move_goods(&self, key: &LevelKey, plan: &Plan) -> Result<bool, StoreError> {
        let items = planned_items(self.levels.table(), key, plan)?;
        let tried = try_once(&self.client, items, &fresh_token()).await?;
        Ok(matches!(tried, Tried::Decided(Written::All)))
    }
}
