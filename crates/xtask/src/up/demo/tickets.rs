//! The demo tickets.

use Fate::{ForSale, Reserved, Sold};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    ForSale,
    Reserved,
    Sold,
}

/// Titles and prices in dollars, in the order of their creation: more than one page, words that occur in several
/// titles, a wide range of prices, and one title that is too long for a line.
pub(super) const TICKETS: [(&str, f64, Fate); 36] = [
    ("Harbour Jazz Trio, late set", 24.5, ForSale),
    ("Philharmonic: Mahler 5, row 3", 85.0, ForSale),
    ("Derby: Rovers v United, north stand", 41.25, Sold),
    ("The Cherry Orchard, stalls B12", 38.0, ForSale),
    ("Poetry night at the old mill", 9.99, ForSale),
    ("Don Giovanni, box for two", 320.0, Reserved),
    ("City marathon, charity start", 55.0, ForSale),
    ("Night at the planetarium", 14.0, ForSale),
    ("Jazz brunch on the river boat", 32.75, ForSale),
    ("Ice hockey: Bears v Comets, rink side", 64.0, ForSale),
    ("Stand-up: Five Minutes Each", 12.5, ForSale),
    ("Swan Lake, balcony", 72.0, Sold),
    ("Open-air cinema: a western under the stars", 8.5, ForSale),
    ("Chamber music by candlelight", 29.9, ForSale),
    ("Formula test day, paddock pass", 480.0, ForSale),
    ("Circus matinee, ringside", 27.0, ForSale),
    ("Blues in the cellar", 15.0, ForSale),
    ("Tennis open, centre court, semi-final", 189.0, Reserved),
    ("Puppet theatre for the smallest", 6.5, ForSale),
    ("Synthwave festival, three days", 149.0, ForSale),
    ("Hamlet in an hour", 18.0, ForSale),
    ("Choir of a hundred, cathedral nave", 22.0, ForSale),
    (
        "A very long evening: all six cello suites, played without a pause by six cellists in six rooms, with soup",
        66.6,
        ForSale,
    ),
    ("Basketball: Hawks v Lynx, court level", 95.5, ForSale),
    ("Tango lesson and ball", 19.5, ForSale),
    ("Rock on the quarry, standing", 79.0, ForSale),
    ("Magic show: Nothing Up Her Sleeves", 26.0, Sold),
    ("Chess grandmaster, simultaneous game", 11.0, ForSale),
    ("Opera gala, front row", 250.0, ForSale),
    ("Farmers' supper with fiddles", 35.0, ForSale),
    ("Big band jazz, dance floor", 28.0, ForSale),
    ("Film premiere, with the director", 45.0, ForSale),
    ("Ballet school, summer showcase", 10.0, ForSale),
    ("Cup final, upper tier", 130.0, ForSale),
    ("Folk songs round the fire", 7.25, ForSale),
    ("New Year's concert, first balcony", 1_250.0, ForSale),
];
