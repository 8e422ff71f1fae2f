"""What is counted, and that nobody outside can add a row."""

from holdfast.contracts import Builtin, CallId, Decision, Reason, Status, ToolName, ToolResult, VerdictKind
from holdfast.server.metrics import Metrics


def _result(layer):
    return ToolResult(
        call_id=CallId("c"),
        tool=ToolName("a_name_from_outside"),
        status=Status.DENIED,
        output="",
        reason=Reason(code=f"{layer}/x", layer=layer, message="m"),
        decisions=(Decision(layer=layer, verdict=VerdictKind.DENY, micros=12),),
    )


def test_a_call_is_counted_by_runtime_status_and_layer():
    metrics = Metrics()
    metrics.began()
    metrics.ended(Builtin(), _result("policy"), seconds=0.001)

    text = metrics.render().decode()
    assert 'holdfast_calls_total{runtime="builtin",status="denied"} 1.0' in text
    assert 'holdfast_denials_total{layer="policy"} 1.0' in text
    assert 'holdfast_layer_seconds_count{layer="policy"} 1.0' in text
    assert "holdfast_calls_in_flight 0.0" in text


def test_a_cancelled_call_is_counted_and_over():
    metrics = Metrics()
    metrics.began()
    metrics.cancelled(None)

    text = metrics.render().decode()
    assert 'holdfast_calls_total{runtime="none",status="cancelled"} 1.0' in text
    assert "holdfast_calls_in_flight 0.0" in text


def test_a_name_from_outside_is_never_a_row():
    metrics = Metrics()
    for number in range(100):
        metrics.began()
        metrics.ended(None, _result(f"made-up-{number}"), seconds=0.001)

    text = metrics.render().decode()
    assert "made-up" not in text
    assert "a_name_from_outside" not in text
    assert 'holdfast_denials_total{layer="other"} 100.0' in text


def test_upstreams_are_counted_by_breaker_whenever_somebody_reads():
    metrics, states = Metrics(), ["closed", "open"]
    metrics.watch_upstreams(states.count, ("closed", "open", "half-open"))
    before = metrics.render().decode()
    states[0] = "open"

    after = metrics.render().decode()

    assert 'holdfast_upstreams{breaker="closed"} 1.0' in before
    assert 'holdfast_upstreams{breaker="open"} 2.0' in after
    assert 'holdfast_upstreams{breaker="half-open"} 0.0' in after
