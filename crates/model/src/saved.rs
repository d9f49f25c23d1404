use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Ask, CompanyId, DashboardId, SavedQuestionId, Timestamp, UserId, kept_text};

/// A question that people of a company come back to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedQuestion {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: SavedQuestionId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// The question in words. It is read anew each time, so that "this month" moves on.
    pub question: String,
    /// The reading that it was saved with, whose days move on with the words. Empty: the words are read
    /// as anybody's are.
    #[serde(with = "kept_text")]
    pub reading: Option<Ask>,
    /// The day that the reading's relative dates were counted from.
    pub today: NaiveDate,
    /// Who saved it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Saved questions side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: DashboardId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// In the order they are shown.
    pub tiles: Vec<Tile>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One saved question on a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tile {
    /// Which.
    pub question_id: SavedQuestionId,
    /// Shown in the place of the question's name.
    pub title: Option<String>,
    /// How it is shown.
    pub view: TileView,
    /// Columns of a twelve-column grid that it takes.
    pub width: u8,
    /// Rows of the grid that it takes.
    pub height: u8,
}

/// How a tile is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TileView {
    /// The chart where the answer has one, else its rows.
    #[default]
    Auto,
    /// The one figure.
    Figure,
    /// The chart.
    Chart,
    /// The rows.
    Table,
}
