//! What tells clients where to go: Autodiscover, Thunderbird autoconfig, configuration profiles.
