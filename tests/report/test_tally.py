from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from proxy.report.tally import Tally

SECONDS = st.floats(min_value=0, max_value=1000)
CALLS = st.lists(st.tuples(SECONDS, SECONDS, st.sampled_from([5e-5, 4.9e-5, 5.1e-5, 0.05, 0.051, 0.0])), max_size=30)


class Registry:
    """The four metrics that a tally adds to."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter("calls", "-", registry=self.registry)
        self.duration = Histogram("duration", "-", registry=self.registry, buckets=(0.1, 1, 10))
        self.first_byte = Histogram("first_byte", "-", registry=self.registry, buckets=(0.5, 5))
        self.overhead = Histogram("overhead", "-", registry=self.registry, buckets=(5e-5, 5e-2))

    def tally(self) -> Tally:
        return Tally(self.calls, self.duration, self.first_byte, self.overhead)

    def samples(self) -> dict[tuple[str, str], float]:
        return {
            (sample.name, sample.labels.get("le", "")): round(sample.value, 6)
            for family in self.registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        }


@given(CALLS, st.integers(min_value=1, max_value=7))
def test_what_is_carried_over_is_what_observing_each_would_have_given(
    calls: list[tuple[float, float, float]], flush_every: int
) -> None:
    tallied, observed = Registry(), Registry()
    tally = tallied.tally()
    for number, (duration_s, first_byte_s, overhead_s) in enumerate(calls):
        tally.add(duration_s, first_byte_s, overhead_s)
        if number % flush_every == 0:
            tally.flush()
        observed.calls.inc()
        observed.duration.observe(duration_s)
        observed.first_byte.observe(first_byte_s)
        observed.overhead.observe(overhead_s)
    tally.flush()
    assert tallied.samples() == observed.samples()


def test_nothing_is_carried_over_twice() -> None:
    tallied = Registry()
    tally = tallied.tally()
    tally.add(1, 1, 1)
    tally.flush()
    once = tallied.samples()
    tally.flush()
    assert tallied.samples() == once
    assert once["calls_total", ""] == 1


def test_a_traced_call_is_there_at_once_with_its_trace() -> None:
    tallied = Registry()
    tallied.tally().add_traced(0.5, 0.3, 4e-5, "abc123")
    exemplars = [
        sample.exemplar for family in tallied.registry.collect() for sample in family.samples if sample.exemplar
    ]
    assert [exemplar.labels for exemplar in exemplars] == [{"trace_id": "abc123"}] * 4
    assert tallied.samples()["duration_sum", ""] == 0.5
