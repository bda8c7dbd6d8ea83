//! For how long something may go on.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span that may have no end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// So many seconds are left; 0 when it is used up.
    Seconds(f64),
    /// It has no end.
    Unlimited,
}

const UNLIMITED: &str = "unlimited";

impl Budget {
    /// In seconds; infinite when it has no end.
    pub fn seconds(self) -> f64 {
        match self {
            Budget::Seconds(seconds) => seconds,
            Budget::Unlimited => f64::INFINITY,
        }
    }
}

// JSON has no infinity
impl Serialize for Budget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Budget::Seconds(seconds) => serializer.serialize_f64(*seconds),
            Budget::Unlimited => serializer.serialize_str(UNLIMITED),
        }
    }
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Seconds(f64),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Seconds(seconds) => Ok(Budget::Seconds(seconds)),
            Either::Word(word) if word == UNLIMITED => Ok(Budget::Unlimited),
            Either::Word(word) => Err(serde::de::Error::custom(format!("{word:?} is neither seconds nor unlimited"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_without_an_end_survives_json() {
        for budget in [Budget::Seconds(12.5), Budget::Unlimited] {
            let text = serde_json::to_string(&budget).unwrap();
            assert_eq!(serde_json::from_str::<Budget>(&text).unwrap(), budget);
        }
        assert!(serde_json::from_str::<Budget>("\"soon\"").is_err());
    }
}
