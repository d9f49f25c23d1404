//! Pure statistics on series and tables: trend, season, change, outlier, driver, forecast.
//!
//! Every method names its source, guards itself against too little data (it gives nothing rather than
//! something doubtful), and knows neither tenants nor queries nor words for people. [`study::findings`]
//! puts them together: the figures of a company go in, the few findings that matter come out, tested,
//! controlled for how many tests were made, ranked. To add a kind of finding: a function here that finds
//! it, a variant of [`pacioli_model::Fact`], a line in `study` that tries it.

mod change_point;
mod decompose;
mod drivers;
pub mod forecast;
mod lead_lag;
mod loess;
mod members;
mod number;
mod outlier;
mod pace;
mod pair;
#[cfg(test)]
mod random;
mod rate;
mod series;
mod stock;
pub mod study;
mod trend;

pub use change_point::{ChangePoint, change_point, change_points};
pub use decompose::{Parts, decompose};
pub use drivers::{
    Drivers, Fraction, Movement, PriceVolumeMix, Sold, best_dimension, drivers, movement,
    price_volume_mix, ratio_drivers,
};
pub use lead_lag::{LeadLag, lead_lag};
pub use members::{Concentration, Outstanding, concentration, outstanding_first, outstanding_last};
pub use number::{false_discovery, mad, mean, median};
pub use outlier::{Outlier, outlier, outlier_member};
pub use pace::pace;
pub use pair::{Crossing, Pair, pair};
pub use rate::{Burst, Counted, bursts};
pub use series::{Series, cycle, first_day, step, step_back};
pub use stock::{Cover, Item, cover, days_outstanding};
pub use trend::{Tested, Trend, trend};
