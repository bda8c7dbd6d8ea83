//! A tour through every phase: the walk begins at each of its stops.

use keyward::model::phase::Mode;

use super::alphabet::{Order, Probe, Span, Step};
use super::place::{Met, Place};

const LOOK: Step = Step::Time(Span::Look);
const WELL: Step = Step::Hook { required: true, well: true };
const BESIDE: Step = Step::Hook { required: false, well: true };

/// Out, home and out again by keyward's own rule; the optional hook is still at work when the region is home.
const OUTAGES: [Step; 32] = [
    LOOK,
    LOOK,
    LOOK,
    LOOK,
    Step::Master(Probe::Fails),
    Step::Link { alive: false },
    LOOK,
    Step::Time(Span::Patience),
    WELL,
    WELL,
    BESIDE,
    Step::Master(Probe::Answers),
    Step::Link { alive: true },
    Step::Time(Span::Health),
    WELL,
    Step::Master(Probe::Fails),
    Step::Link { alive: false },
    Step::Time(Span::Patience),
    WELL,
    BESIDE,
    WELL,
    WELL,
    BESIDE,
    Step::Master(Probe::Answers),
    Step::Link { alive: true },
    Step::Time(Span::Health),
    WELL,
    WELL,
    Step::Master(Probe::Fails),
    Step::Link { alive: false },
    LOOK,
    LOOK,
];

/// The same by an operator's hand.
const BY_HAND: [Step; 13] = [
    LOOK,
    LOOK,
    LOOK,
    LOOK,
    Step::Reload(Mode::Manual),
    Step::Order(Order::Failover { force: false }),
    WELL,
    WELL,
    Step::Order(Order::Failback { force: true }),
    BESIDE,
    WELL,
    WELL,
    Step::Master(Probe::Fails),
];

/// Every stop, from a fresh installation on.
pub fn stops() -> Vec<Place> {
    let met = Met::default();
    let mut stops = vec![Place::new()];
    for tour in [&OUTAGES[..], &BY_HAND[..]] {
        let mut place = Place::new();
        for step in tour {
            let taken = place.take(*step, &met).unwrap_or_else(|| panic!("{step:?} is nothing after {:?}", place.path));
            taken.unwrap_or_else(|wrong| panic!("{wrong}, after {:?}", place.path));
            stops.push(place.clone());
        }
    }
    stops
}
