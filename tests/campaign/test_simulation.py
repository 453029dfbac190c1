"""The promises of the loop over thousands of simulated campaigns with crashes between every two effects."""

from __future__ import annotations

from campaign.simulation import simulate


def test_no_promise_is_broken_in_two_thousand_campaigns_with_crashes():
    worlds = [simulate(seed) for seed in range(2000)]
    assert sum(world.crashes for world in worlds) > 1000


def test_a_seed_tells_the_same_story_twice():
    assert simulate(7).disk.synced == simulate(7).disk.synced
