"""The OpenAI client, unchanged, against serve: answers, streams, errors, and the record behind each."""

import time

import openai
import pytest
import requests

from harness import receipt_body

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "REPLAY:TOKENS=5 hello"}]


def test_chat_is_answered_and_recorded(shared_stack):
    answer = shared_stack.openai().chat.completions.create(model="replay", messages=MESSAGES, temperature=0, seed=7)
    assert answer.id.startswith("chatcmpl-")
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens == 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5
    found = shared_stack.record(answer.id).json()
    record = found["record"]
    assert record["type"] == "request" and record["outcome"] == "ok"
    text = found["entry_base64"]
    assert "hello" not in str(record) and text


def test_stream_ends_with_usage_receipt_and_done(shared_stack):
    raw = requests.post(shared_stack.api + "/chat/completions", stream=True, timeout=20, json={
        "model": "replay", "messages": MESSAGES, "stream": True, "stream_options": {"include_usage": True}})
    assert raw.headers["content-type"].startswith("text/event-stream")
    begin = receipt_body(raw.headers["Audit-Begin"])
    lines = [line for line in raw.text.split("\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert lines[-2].startswith(": audit-finish v1.")
    finish = receipt_body(lines[-2].removeprefix(": audit-finish "))
    assert finish["request_id"] == begin["request_id"]
    assert '"usage":{' in lines[-3]
    found = shared_stack.record(begin["request_id"]).json()
    assert found["index"] == finish["index"] and found["leaf_hash"] == finish["leaf_hash"]


def test_stream_through_the_client_gives_all_pieces(shared_stack):
    pieces = list(shared_stack.openai().chat.completions.create(
        model="replay", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
    text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
    whole = shared_stack.openai().chat.completions.create(model="replay", messages=MESSAGES)
    assert text == whole.choices[0].message.content
    assert pieces[-1].usage.completion_tokens == 5
    assert [p.choices[0].finish_reason for p in pieces if p.choices][-1] == whole.choices[0].finish_reason


def test_several_choices_are_one_request(shared_stack):
    answer = shared_stack.openai().chat.completions.create(model="replay", messages=MESSAGES, n=3)
    assert [c.index for c in answer.choices] == [0, 1, 2]
    record = shared_stack.record(answer.id).json()["record"]
    assert len(record["finish_reasons"]) == 3


def test_completions_take_text_and_stop(shared_stack):
    client = shared_stack.openai()
    answer = client.completions.create(model="replay", prompt="REPLAY:TOKENS=8 go", max_tokens=3)
    assert answer.id.startswith("cmpl-") and answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 3
    words = answer.choices[0].text.split()
    stopped = client.completions.create(model="replay", prompt="REPLAY:TOKENS=8 go", stop=[words[1]], max_tokens=8)
    assert words[1] not in stopped.choices[0].text and stopped.choices[0].finish_reason == "stop"


def test_models_are_listed(shared_stack):
    assert [m.id for m in shared_stack.openai().models.list()] == ["replay"]
    model = shared_stack.openai().models.retrieve("replay")
    assert model.id == "replay" and 0 <= time.time() - model.created < 3600
    with pytest.raises(openai.NotFoundError):
        shared_stack.openai().models.retrieve("other")


@pytest.mark.parametrize("change, status, param", [
    ({"model": "no-such-model"}, 404, "model"),
    ({"max_tokens": -5}, 400, "max_tokens"),
    ({"max_tokens": "many"}, 400, "max_tokens"),
    ({"temperature": 9}, 400, "temperature"),
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, 400, "messages[0].role"),
    ({"messages": [{"role": "user", "content": 5}]}, 400, "messages[0].content"),
    ({"n": 0}, 400, "n"),
    ({"n": 129}, 400, "n"),
    ({"model": None}, 400, "model"),
    ({"logprobs": True}, 400, "logprobs"),
    ({"stop": [""]}, 400, "stop[0]"),
    ({"stream_options": {"include_usage": True}}, 400, "stream_options"),
])
def test_a_wrong_field_is_named_and_recorded(shared_stack, change, status, param):
    body = {"model": "replay", "messages": MESSAGES, **change}
    answer = requests.post(shared_stack.api + "/chat/completions", json=body, timeout=20)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["param"] == param and error["type"] == "invalid_request_error" and error["message"]
    record = shared_stack.record(answer.headers["X-Request-Id"]).json()["record"]
    assert record["type"] == "refused" and record["status"] == status
    assert "no-such-model" not in str(record)


def test_a_trace_of_the_client_is_continued_even_unsampled(shared_stack):
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = requests.post(shared_stack.api + "/chat/completions", timeout=20,
                           headers={"traceparent": f"00-{trace}-b7ad6b7169203331-00"},
                           json={"model": "replay", "messages": MESSAGES})
    assert answer.headers["traceparent"].split("-")[1] == trace
    record = shared_stack.record(answer.json()["id"]).json()["record"]
    assert record["trace_id"] == trace
    mine = [s for s in shared_stack.spans() if s["trace_id"] == trace]
    assert any(s["parent_span_id"] == "b7ad6b7169203331" for s in mine)


def test_keys_are_asked_and_strangers_counted(tmp_path):
    from harness import Stack

    with Stack(tmp_path, serve_args=["--api-key", "alice:s3cret", "--api-key", "t0ken"]) as stack:
        with pytest.raises(openai.AuthenticationError):
            stack.openai(api_key="wrong").models.list()
        answer = stack.openai(api_key="s3cret").chat.completions.create(model="replay", messages=MESSAGES)
        assert stack.record(answer.id).json()["record"]["caller"] == "alice"
        answer = stack.openai(api_key="t0ken").chat.completions.create(model="replay", messages=MESSAGES)
        assert stack.record(answer.id).json()["record"]["caller"] == "key-2"
        assert requests.get(stack.serve.url + "/health", timeout=20).status_code == 200
        stack.serve.stop()
        shutdown = stack.go_entries()[-1]
        assert shutdown["type"] == "shutdown" and shutdown["counters"]["unauthenticated"] == 1
        assert "s3cret" not in "".join(p.read_text(errors="replace") for p in (stack.folder / "ledger").rglob("*") if p.is_file())


def test_metrics_carry_vllm_names(shared_stack):
    shared_stack.openai().chat.completions.create(model="replay", messages=MESSAGES)
    text = requests.get(shared_stack.serve.url + "/metrics", timeout=20).text
    for name in ("vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:num_requests_running",
                 "vllm:time_to_first_token_seconds_bucket", "vllm:request_success_total", "http_requests_total"):
        assert name in text, name
